"""Medprompt: worked examples like the question, in the model's own words, and options in many orders."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.errors import ConfigError
from orchestrator.protocols import Verifier
from orchestrator.registry import strategy
from orchestrator.run import DEFAULT_MAX_TOKENS, TEXTS_A_CALL
from orchestrator.types import Estimate, Expert, Message, Problem, Prompt, Sampling, Template

from ._direct import direct_answer
from ._example_index import index_of
from ._example_store import Chain, Store, WorkedExample
from ._example_writing import ExampleWriter
from ._neighbours import vectors_of
from ._options import Seat, answer_in_own_order, orders, reordered, seats
from ._scoring import Scoring

if TYPE_CHECKING:
    from orchestrator.lessons import Lesson
    from orchestrator.run import Run
    from orchestrator.workshop import Workshop

_ANY = Problem("any", (), "choice")
_LIKELIEST = 20
"""Tokens whose probabilities a direct answer comes with."""


@strategy
@dataclass(frozen=True)
class Medprompt:
    """Puts the nearest worked examples before a question, and votes over orders of its options (Nori et al., 2023).

    1. Examples, made once: every expert reasons through problems whose answers are known; the chains that reach the
       right answer are kept in a file, and with an embedder the vectors of the questions.
    2. Neighbours: the examples most like the question, by vectors or else by words, never the question itself or a
       rewording. Of several chains one is drawn, of the asked expert's own if it has some.
    3. Ensemble: members each see the options in another order, drawn anew for each question, the first in its own. The
       examples stand before it as turns of a conversation, the most alike last. A letter counts for the option that it
       stood for. Other kinds of problem are sampled as often.
    4. Vote: a tie goes to the earliest member's answer, so to the unshuffled one's if it is in the tie. Programs, and
       whatever else a check can tell, are chosen by that check.

    With `direct` further members name a letter at once, which counts by its probability, against reasoned answers that
    weigh more or less as the question takes working out (Medprompt+; see the aggregator `portfolio`).

    `orchestrator prepare medprompt SET -o FILE` makes the file; without one it is the ensemble alone, which needs no
    setup. Departs from the paper: one order may come twice where there are too few; options that speak of others stay
    where they are; recorded replies (`replay:`) are not shuffled, as they speak of the order in which they were
    recorded. The published scripts sample at temperature 0, draw one order for all questions, and spread the letters of
    the examples' answers evenly; their second stage, which picks examples among test questions by the test labels, is
    left out.
    """

    store: Path | None = None
    """File of worked examples; `None`: no examples."""
    examples: int = 5
    """Before the question (the paper's best run: 20)."""
    members: int = 5
    """Of the ensemble (the paper's best run: 11)."""
    retriever: Literal["auto", "words", "vectors"] = "auto"
    """How neighbours are found; auto: by vectors where the file has them, which takes the embedder that made them."""
    selection: Literal["nearest", "spread"] = "nearest"
    """spread: the nearest of several clusters, lest all be alike (kNN-Embed; El-Kishky et al., 2022)."""
    temperature: float | None = 0.7
    """Also when preparing; `None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""
    prepared_orders: int = 1
    """When preparing: orders of the options in which each expert answers (the published script: 5)."""

    second_look: Verifier | None = None
    """When preparing: looks through the chains that reached the right answer, as `critic` or `judge` do; those that it
    scores below one half are dropped. `None`: none does, as in the paper."""
    direct: int = 0
    """Further members that name a letter without reasoning, weighed by its probability: Medprompt+ with 10, and 20
    members. Multiple choice alone has them; where an expert tells no log-probabilities they abstain."""

    verifier: ClassVar[str] = "auto"
    needs: ClassVar[str] = "for examples a file that `orchestrator prepare medprompt SET -o FILE` makes"

    def __post_init__(self) -> None:
        if min(self.members, self.prepared_orders) < 1 or min(self.examples, self.direct) < 0:
            raise ValueError("members and prepared_orders count from 1, examples and direct from 0")
        if self.retriever == "vectors" and (self.store is None or self._known.embedder is None):
            raise ValueError(f"retriever=vectors needs a file with vectors: {self.store or 'store=FILE'} has none")

    @property
    def aggregator(self) -> str:
        return "portfolio" if self.direct else "first_verified"

    async def __call__(self, problem: Problem, run: Run) -> None:
        examples = await self._neighbours(problem, run)
        drawn = orders(problem, self.members + self._direct(problem), run.rng)

        async def answer(member: tuple[int, Seat], branch: Run) -> None:
            number, seat = member
            await (self._reason if number < self.members else self._name)(examples, seat, branch)

        await run.map(answer, list(enumerate(seats(problem, drawn, run.experts))))

    async def _reason(self, examples: Sequence[WorkedExample], seat: Seat, run: Run) -> None:
        question = reordered(run.problem, seat.order)
        chains = [(example, _drawn(example.chains, run)) for example in examples]
        prompt = self._prompt(question, run.prompts("medprompt").answer, chains, run)
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        reply = await run.generate(prompt, sample=seat.sample, sampling=sampling)
        run.emit(await answer_in_own_order(run.problem, seat.order, reply[0]))

    async def _name(self, examples: Sequence[WorkedExample], seat: Seat, run: Run) -> None:
        """A letter without reasoning, and how likely each was."""
        question = reordered(run.problem, seat.order)
        letters = [(example, Chain(example.answer)) for example in examples]
        prompt = self._prompt(question, run.prompts("medprompt").direct, letters, run)
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens, top_logprobs=_LIKELIEST)
        reply = await run.generate(prompt, sample=seat.sample, sampling=sampling)
        run.emit(direct_answer(run.problem, seat.order, reply[0]))

    def _prompt(
        self, question: Problem, template: Template, examples: Sequence[tuple[WorkedExample, Chain]], run: Run
    ) -> Prompt:
        """The question behind as many examples as the expert's context has room for, the most alike last."""
        prompt = question.ask(template)
        room = _room(run.expert, prompt, self.max_tokens)
        turns: list[Message] = []
        for example, chain in examples:
            asked = example.asked(question, chain).ask(template).messages[-1]
            pair = (asked, Message("assistant", chain.text))
            if (size := sum(map(_tokens, pair))) <= room:
                room -= size
                turns[:0] = pair
        return _behind(turns, prompt)

    # -- neighbours ---------------------------------------------------------------------

    async def _neighbours(self, problem: Problem, run: Run) -> list[WorkedExample]:
        """The most alike first."""
        if self.store is None or not self.examples:
            return []
        index = index_of(self.store)
        vector = await self._vector(problem, run, index.store) if self._by_vectors else None
        spread = self.selection == "spread"
        look = partial(index.nearest, problem, self.examples, vector, spread=spread)
        found = look() if index.quick and not spread else await asyncio.to_thread(look)
        how = "words" if vector is None else "vectors"
        run.note("examples", by=how, marks=[example.mark for example in found])
        return found

    async def _vector(self, problem: Problem, run: Run, known: Store) -> tuple[float, ...] | None:
        """The vector of the question; `None` when the embedder failed on it, which leaves its words.

        Raises:
            ConfigError: it is not the embedder whose vectors the examples have.
            ExpertLost: it will never answer.
        """
        told = f"{self.store} holds vectors of {known.embedder}"
        cure = f"give --role embedder={known.embedder}, or set retriever=words"
        if run.embedder is None or run.embedder.model != known.embedder:
            asked = "nobody" if run.embedder is None else run.embedder.model
            raise ConfigError(f"{told}, but the embedder is {asked}: {cure}")
        found = await vectors_of(run, [problem.prompt])
        if found is None:
            return None
        length = len(known.examples[0].vector or ()) if known.examples else 0
        if length and len(found[0]) != length:
            raise ConfigError(f"{told} with {length} numbers, but the embedder gave {len(found[0])}: {cure}")
        return found[0]

    @property
    def _known(self) -> Store:
        return Store() if self.store is None else index_of(self.store).store

    @property
    def _by_vectors(self) -> bool:
        return self.retriever != "words" and self.examples > 0 and self._known.embedder is not None

    # -- preparing ----------------------------------------------------------------------

    async def prepare(self, lessons: Sequence[Lesson], workshop: Workshop) -> str:
        """The text of a file of worked examples; those of `store` are in it, and their problems are not asked again."""
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        look = None if self.second_look is None else Scoring(self.second_look)
        write = ExampleWriter(self.prepared_orders, sampling, self.retriever != "words", look)
        return (await write(self._known, lessons, workshop)).to_json()

    def preparation(self, lessons: int, experts: int) -> Estimate:
        """A chain of each expert in each order, a look at it, and with an embedder a call for every 32 questions."""
        chains, vectors = lessons * experts * self.prepared_orders, ceil(lessons / TEXTS_A_CALL)
        look = Estimate(0, 0.0, 0, 0)
        if self.second_look is not None:
            look = Scoring(self.second_look).estimate_over(_ANY, experts, 1)
        most = chains * (1 + look.most) + vectors
        return Estimate(chains, chains * (1 + look.expected), most, 2 + look.depth)

    @property
    def seen(self) -> Collection[str]:
        """Marks of the problems that the file was made from."""
        return self._known.seen

    # -- calls --------------------------------------------------------------------------

    def _direct(self, problem: Problem) -> int:
        return self.direct if problem.kind == "choice" and problem.options else 0

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        embeddings = int(self._by_vectors)
        members = self.members + self._direct(problem)
        calls = members + embeddings
        return Estimate(calls, float(calls), calls, 1 + embeddings, members)

    def fit(self, calls: int, problem: Problem, experts: int) -> Medprompt | None:
        """The ladder: fewer direct members, down to none; fewer members, down to one; then neighbours by words."""
        left = calls - int(self._by_vectors)
        if left < 1:
            return replace(self, members=1, direct=0, retriever="words") if calls >= 1 else None
        members = min(left, self.members)
        return replace(self, members=members, direct=min(left - members, self.direct))


def _drawn(chains: Sequence[Chain], run: Run) -> Chain:
    """One of the chains, of the expert that is asked where it wrote any."""
    own = [chain for chain in chains if chain.expert == run.expert.id]
    return run.rng.choice(own or chains)


def _behind(turns: Sequence[Message], prompt: Prompt) -> Prompt:
    """The prompt with turns of a conversation put before it, behind its system messages."""
    heads = next((i for i, message in enumerate(prompt.messages) if message.role != "system"), len(prompt.messages))
    return Prompt((*prompt.messages[:heads], *turns, *prompt.messages[heads:]))


def _room(expert: Expert, prompt: Prompt, cap: int | None) -> float:
    """Tokens that the expert's context leaves for examples; without end where it is not known."""
    if expert.context is None:
        return inf
    reply = expert.sampling.max_tokens or cap or DEFAULT_MAX_TOKENS
    return expert.context - reply - sum(map(_tokens, prompt.messages))


def _tokens(message: Message) -> int:
    """An estimate that is rather too high: a third of the bytes."""
    return len(message.text.encode("utf-8", "surrogatepass")) // 3 + 8
