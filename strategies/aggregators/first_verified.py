"""The first candidate that a check accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.types import Candidate, Choice, Estimate, Problem, Scored

from ._votes import NOTHING, Class, best_first, classes_of, elected, in_lineage, score_of

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class FirstVerified:
    """Chooses the first candidate, in lineage order, that passed its check: `verified`, or where there is none
    `cooperative`.

    When none passed: the one of highest score, the earliest of equals. When nothing was scored: the majority. A
    candidate without an answer counts only where no candidate has one; if nothing was scored either, the first is
    chosen. Confidence is 1 for a passed check, else the score or the share of the votes.
    """

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        classes = await classes_of(problem, scored)
        able = [one for members in classes for one in members] or scored
        passed = sorted((one for one in in_lineage(able) if one.passed), key=lambda one: not one.verified)
        ranked = [*passed, *(one for one in best_first(able) if one.verdict and not one.passed)]
        if ranked:
            first = ranked[0]
            confidence = 1.0 if first.passed else min(1.0, score_of(first))
            chosen_by = "verified" if first.verified else "cooperative" if first.passed else "score"
            return Choice(first.candidate, confidence, chosen_by, _one_each(ranked, classes))
        if classes or not scored:
            return elected(classes, [len(members) for members in classes], "vote")
        return replace(NOTHING, candidate=in_lineage(scored)[0].candidate, chosen_by="first")

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)


def _one_each(ranked: Sequence[Scored], classes: Sequence[Class]) -> tuple[Candidate, ...]:
    """The first of each class, in the order given; who has no answer is left out."""
    number = {one.candidate.id: i for i, members in enumerate(classes) for one in members}
    first: dict[int, Candidate] = {}
    for one in ranked:
        if one.candidate.id in number:
            first.setdefault(number[one.candidate.id], one.candidate)
    return tuple(first.values())
