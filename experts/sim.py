"""Simulated experts: small solvers with seeded faults, so that everything can be tried without any model.

`sim:NAME` is one of them, `sim:all` is the pool. They see what a model would see: the messages, which sample is wanted,
and whether the temperature is 0 (then all samples are one). They read the problem out of the text; a question that is
not of the few sorts they know is refused with `OutOfReach`. Asked for embeddings they give vectors of the texts' words.
What makes them err is told in `simulated.faults`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator.errors import UnknownName
from orchestrator.protocols import Backend
from orchestrator.types import Completion, Expert, FinishReason, Price, Request, Response, Sampling, Tokens, packed

from .replies import estimated_tokens
from .simulated.embedding import vector
from .simulated.mind import reply
from .simulated.people import PEOPLE, Person

_MOST = 128
_LONG = 8000
"""Bytes of a conversation from which on it is read in a thread."""


def backend(expert: Expert) -> Backend:
    """What answers for a simulated expert, which its model names.

    Raises:
        UnknownName: there is no such one.
    """
    return SimulatedBackend(expert, _person(expert.model))


def experts_in(name: str) -> tuple[Expert, ...]:
    """The experts of `sim:NAME`; `all` are the whole pool.

    Raises:
        UnknownName: there is no such one.
    """
    people = PEOPLE.values() if name == "all" else (_person(name),)
    return tuple(
        Expert(id=f"sim:{person.name}", model=f"sim:{person.name}", client="sim", price=Price(), skills=person.best)
        for person in people
    )


class SimulatedBackend:
    """One simulated expert. Nothing is spent; tokens are estimated, a fourth of the UTF-8 bytes, rounded up."""

    journalled = True
    max_n = _MOST

    def __init__(self, expert: Expert, person: Person) -> None:
        self.expert, self.person = expert, person

    async def complete(self, batch: Sequence[Request]) -> Response:
        """The replies to all samples.

        Raises:
            OutOfReach: the question is none that simulated experts can read.
        """
        if batch[0].size > _LONG:  # reading it would keep the event loop waiting
            completions = await asyncio.to_thread(self._all, batch)
        else:
            completions = self._all(batch)
        total = Tokens(completions[0].tokens.prompt, sum(each.tokens.completion for each in completions))
        return Response(completions, total)

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _all(self, batch: Sequence[Request]) -> tuple[Completion, ...]:
        return tuple(map(self._completed, batch))

    def _completed(self, request: Request) -> Completion:
        if request.sampling.mode == "embedding":
            return self._embedded(request)
        text, finish = _cut(reply(self.person, request.messages, _sample(request)), request.sampling)
        tokens = Tokens(-(-request.size // 4), estimated_tokens((text,)))
        return Completion(text, finish=finish, tokens=tokens, model=self.expert.model, expert=self.expert.id)

    def _embedded(self, request: Request) -> Completion:
        text = packed([vector(message.text) for message in request.messages])
        return Completion(text, tokens=Tokens(-(-request.size // 4)), model=self.expert.model, expert=self.expert.id)


def _sample(request: Request) -> str:
    """Which sample is wanted: its index, in the scope that its salt names; at temperature 0 there is but one."""
    return "0" if request.sampling.temperature == 0 else f"{request.salt}#{request.sample_index}"


def _cut(text: str, sampling: Sampling) -> tuple[str, FinishReason]:
    """The text up to the first stop string, and no longer than the cap on tokens."""
    places = [text.find(stop) for stop in sampling.stop if stop]
    text = text[: min((place for place in places if place >= 0), default=len(text))]
    if sampling.max_tokens is None or estimated_tokens((text,)) <= sampling.max_tokens:
        return text, "stop"
    return text.encode("utf-8")[: 4 * sampling.max_tokens].decode("utf-8", "ignore"), "length"


def _person(name: str) -> Person:
    name = name.removeprefix("sim:")
    if name not in PEOPLE:
        raise UnknownName("simulated expert", name, ("all", *PEOPLE))
    return PEOPLE[name]
