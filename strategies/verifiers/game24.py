"""Checks an expression of the game of 24."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.answers import game24
from orchestrator.types import Candidate, Estimate, Problem, Verdict

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Game24:
    """Passes an expression that uses each number of the prompt once and equals 24, by exact rationals."""

    needs: ClassVar[str] = "problems of kind game24"

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        if candidate.answer is None:
            return Verdict(0.0, False, "there is no expression in the reply", "game24")
        numbers = game24.numbers_of(problem)
        if game24.check(numbers, candidate.answer):
            return Verdict(1.0, True, "", "game24")
        shown = " ".join(map(str, numbers))
        return Verdict(0.0, False, f"{candidate.answer[:80]} does not make 24 of {shown}", "game24")

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)
