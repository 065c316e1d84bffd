"""How worked examples are made: experts answer questions whose answers are known, and what came out right is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError, ExpertError
from orchestrator.lessons import Lesson
from orchestrator.types import Problem, Sampling

from ._example_store import Chain, Store, WorkedExample
from ._options import Seat, answer_in_own_order, orders, own_order, reordered, seats
from ._scoring import Scoring

if TYPE_CHECKING:
    from orchestrator.run import Run
    from orchestrator.workshop import Workshop

_SOUND = 0.5
"""Score below which a chain is dropped at a second look."""


@dataclass(frozen=True, slots=True)
class ExampleWriter:
    """Has every question answered by every expert, and keeps the chains that end in the right answer."""

    orders: int
    """Of a question's options, each answered once by each expert."""
    sampling: Sampling
    vectors: bool
    """Whether examples get vectors, if there is an embedder."""
    second_look: Scoring | None = None
    """Looks through chains that reached the right answer, which they may have done by mistake."""

    async def __call__(self, known: Store, lessons: Sequence[Lesson], workshop: Workshop) -> Store:
        """The known examples and those made of lessons that were not seen before.

        A lesson to which no reply came is not seen, and asked again another time.

        Raises:
            ConfigError: there are no examples then, or other vectors than the known ones.
            ExpertError: experts failed on every lesson.
        """
        new = list({lesson.mark: lesson for lesson in lessons if lesson.mark not in known.seen}.values())
        found = list(zip(new, await workshop.map(self._examples, new), strict=True))
        made = [example for _, examples in found for example in examples or ()]
        if not known.examples and not made:
            told = f"any of {len(new)} problems" if len(new) != 1 else "the problem"
            raise ConfigError(f"no reply to {told} reached the right answer, so there is no example")
        seen = known.seen | {lesson.mark for lesson, examples in found if examples is not None}
        if not made:
            return replace(known, seen=seen)
        if not self.vectors:
            plain = tuple(replace(example, vector=None) for example in (*known.examples, *made))
            return Store(plain, seen)
        return await self._with_vectors(known, made, seen, new[0], workshop)

    async def _examples(self, lesson: Lesson, run: Run) -> Sequence[WorkedExample]:
        """The example that a lesson makes, or none.

        Raises:
            ExpertError: no reply came.
        """
        problem, lost = lesson.problem, list[ExpertError]()
        drawn = [order for order in orders(problem, self.orders, run.rng) for _ in run.experts]

        async def work(seat: Seat, branch: Run) -> tuple[Chain, str] | None:
            try:
                return await self._chain(lesson, seat, branch)
            except ExpertError as error:
                lost.append(error)
                raise

        found = await run.map(work, seats(problem, drawn, run.experts))
        if len(lost) == len(drawn):
            raise lost[0]
        return _made_of(problem, [pair for pair in found if pair is not None])

    async def _chain(self, lesson: Lesson, seat: Seat, run: Run) -> tuple[Chain, str] | None:
        """A chain that is whole and right, and its answer by the question's letters."""
        problem = lesson.problem
        prompt = reordered(problem, seat.order).ask(run.prompts("medprompt").answer)
        reply = await run.generate(prompt, sample=seat.sample, sampling=self.sampling)
        answer = await answer_in_own_order(problem, seat.order, reply[0])
        if reply[0].finish == "length" or answer.value is None or not await lesson.right(answer):
            return None
        if self.second_look is not None:
            verdict = await self.second_look.verdict(run.candidate(answer), run)
            if verdict is None or verdict.score < _SOUND:
                return None
        order = None if seat.order == own_order(problem) else seat.order
        return Chain(reply.text.strip(), reply[0].expert, order), answer.value

    async def _with_vectors(
        self, known: Store, made: Sequence[WorkedExample], seen: frozenset[str], lesson: Lesson, workshop: Workshop
    ) -> Store:
        async def embed(_: Lesson, run: Run) -> tuple[str | None, Sequence[tuple[float, ...] | None]]:
            if run.embedder is None:
                return None, [None] * len(made)
            return run.embedder.model, await run.embed([example.question for example in made])

        (found,) = await workshop.map(embed, [lesson])
        model, vectors = found or (None, [None] * len(made))
        if known.examples and known.embedder != model:
            raise ConfigError(
                f"the examples that are there have vectors of {known.embedder or 'no embedder'}, new ones would have "
                f"those of {model or 'none'}: give the role embedder as before, or prepare all of them anew"
            )
        fresh = tuple(replace(example, vector=vector) for example, vector in zip(made, vectors, strict=True))
        return Store((*known.examples, *fresh), seen, model)


def _made_of(problem: Problem, right: Sequence[tuple[Chain, str]]) -> list[WorkedExample]:
    """An example of right chains, each with its answer; none of none."""
    if not right:
        return []
    shown = replace(problem, options=()).question
    chains = tuple(dict.fromkeys(chain for chain, _ in right))
    return [
        WorkedExample(
            problem.kind, problem.prompt, problem.options, right[0][1], chains, "" if shown == problem.prompt else shown
        )
    ]
