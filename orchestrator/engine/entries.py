"""What the journal gets of an attempt, and how its bill falls to its samples."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.ledger import Amount
from orchestrator.types import Completion, Expert, Response, Tokens

from .flight import Flight
from .journal import Attempt


def row(expert: Expert, flights: Sequence[Flight]) -> Attempt:
    """What is written down before an attempt leaves."""
    return Attempt(
        expert.id,
        tuple(flight.request.key for flight in flights),
        tuple(_names(flight) for flight in flights),
        tuple(flight.worst for flight in flights),
    )


def _names(flight: Flight) -> tuple[str, ...]:
    return tuple(scope.name for scope in flight.leader.seat.scope.chain) if flight.leader else ()


def answered(flights: Sequence[Flight], response: Response) -> tuple[list[Flight], list[Flight]]:
    """The flights that the completions of a response answer, in the order of these, and the others: whoever's sample
    came without any text goes first."""
    if len(flights) == 1:
        return list(flights), []
    places = response.places or range(min(len(flights), len(response.completions)))
    missing = sorted(set(range(len(flights))).difference(places), key=lambda i: (i not in response.empty, i))
    return [flights[place] for place in places], [flights[place] for place in missing]


def finished(flight: Flight, completion: Completion) -> Completion:
    """The completion with its identity; a lone surrogate cannot be stored, so nobody gets to see one."""
    return identified(completion, flight.request.expert, flight.request.key)


def identified(completion: Completion, expert: str, key: bytes) -> Completion:
    """The same of the reply to a request with this key."""
    c = completion
    return Completion(  # a fourth of the time that `replace` takes
        text=_storable(c.text),
        reasoning=_storable(c.reasoning),
        finish=c.finish,
        tokens=c.tokens,
        model=_storable(c.model),
        fingerprint=_storable(c.fingerprint),
        tool_calls=c.tool_calls,
        logprobs=c.logprobs,
        expert=expert,
        id=key.hex(),
        confidences=c.confidences,
        alternatives=c.alternatives,
    )


def _storable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shares(bill: Tokens, completions: Sequence[Completion]) -> list[Amount]:
    """The bill of one attempt by sample; the first bears the prompt and what cannot be told apart."""
    if len(completions) == 1:
        return [Amount(1, bill.prompt + bill.completion, bill.usd)]
    tokens = [completion.tokens.completion for completion in completions]
    total = sum(completion.tokens.usd for completion in completions)
    usd = [bill.usd * (c.tokens.usd / total if total else 1 / len(completions)) for c in completions]
    rest = bill.prompt + bill.completion - sum(tokens)
    return [Amount(1, t + (rest if i == 0 else 0), u) for i, (t, u) in enumerate(zip(tokens, usd, strict=True))]
