"""Several lines that answer round by round, each round knowing what the one before it said."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.errors import BadCompletion, BudgetExceeded
from orchestrator.types import Answer, Candidate, Completion, Prompt

from ._lists import declines

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Turn:
    """What one line said in one round."""

    answer: Answer
    parents: tuple[str, ...] = ()
    """Ids of what it had read before."""
    prompt: Prompt | None = None
    """The conversation that it replied to, where it goes on."""

    @property
    def id(self) -> str:
        """Of the reply, for those who read it."""
        return self.answer.source.id if self.answer.source else ""


class Rounds:
    """Lines that speak at the same time, round after round; each stands by what it said last.

    Used as a context: at its end, or when a budget ends it, the last answer of each line is put forward. Whoever is
    lost in a round stands by what it said before, or by nothing.
    """

    def __init__(self, run: Run, lines: int) -> None:
        self._run, self._lines = run, lines
        self.latest: list[Turn | None] = [None] * lines
        self.number = 0
        """Rounds so far."""

    def foretell(self, rounds: int) -> None:
        """Says that every line will speak in so many rounds, each line a call, for those who order loads of models."""
        experts = self._run.experts
        lines = Counter(experts[i % len(experts)].id for i in range(self._lines))
        self._run.declare({expert: rounds * number for expert, number in lines.items()})

    @property
    def standing(self) -> list[Turn]:
        """What the lines stand by, in their order."""
        return [turn for turn in self.latest if turn is not None]

    async def hold(self, speak: Callable[[int, Run], Awaitable[Turn | None]], *, cost: int = 1) -> None:
        """Has all lines speak; nobody hears of this round before it is over. Whoever is lost is told in the trace.

        Args:
            cost: calls that a line makes.
        """
        said: list[Turn | None] = [None] * self._lines
        self.number += 1

        async def line(index: int, branch: Run) -> None:
            said[index] = await speak(index, branch)

        try:
            await self._run.map(line, range(self._lines), cost=cost)
        finally:
            self.latest = [new or old for new, old in zip(said, self.latest, strict=True)]
        lost = [index for index, turn in enumerate(said) if turn is None]
        self._run.note("round", round=self.number, answered=self._lines - len(lost), lost=list(lost))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Seconds that are over arrive as a cancellation.
        over = isinstance(error, asyncio.CancelledError) and any(scope.over for scope in self._run.scope.chain)
        if error is None or isinstance(error, BudgetExceeded) or over:
            for turn in self.standing:
                self._run.emit(turn.answer, parents=turn.parents)


def turn_of(candidate: Candidate) -> Turn:
    """What a line said by way of another strategy."""
    *parents, last = candidate.parents or (candidate.id,)
    source = Completion(
        candidate.text,
        finish=candidate.finish,
        logprobs=candidate.logprobs,
        confidences=candidate.confidences,
        expert=candidate.expert,
        id=last,
    )
    return Turn(Answer(candidate.text, candidate.answer, candidate.key, source), tuple(parents))


def heard(answer: Answer) -> Answer:
    """An answer that others will read.

    Raises:
        BadCompletion: it says nothing, or refuses.
    """
    if declines(answer.text):
        raise BadCompletion(
            "a reply that says nothing, or refuses", expert=answer.source.expert if answer.source else ""
        )
    return answer
