"""Plurality voting over answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.types import Choice, Estimate, Problem, Scored

from ._votes import classes_of, elected, standing

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Majority:
    """Chooses the answer that most candidates have (self-consistency; Wang et al., 2023).

    Candidates without an answer do not vote, nor do those that failed a check while others did not. A tie goes to the
    answer whose first supporter comes first in lineage order. The text returned is that of the winner's best candidate:
    one that passed a check, else of highest score, else the earliest. Confidence is the winner's share of the votes.
    """

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        classes = await classes_of(problem, standing(scored))
        return elected(classes, [len(members) for members in classes], "vote")

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)
