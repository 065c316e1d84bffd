"""Voting with weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.types import Choice, Estimate, Problem, Scored

from ._votes import classes_of, elected, score_of, standing

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Weighted:
    """Chooses the answer whose candidates weigh most together.

    A candidate weighs what its verifier scored it; where nothing was scored each weighs 1, and this is a plain vote.
    With `experts` it weighs what its expert does. Ties, text and who may vote are as in `majority`; confidence is the
    winner's share of the weight.

    Raises:
        ValueError: a weight is negative or no number.
    """

    experts: Mapping[str, float] = field(default_factory=dict)
    """Expert id -> weight; an expert that is not named weighs 1."""

    def __post_init__(self) -> None:
        for expert, weight in self.experts.items():
            if not math.isfinite(weight) or weight < 0:
                raise ValueError(f"the weight of {expert} is {weight}; weights are numbers from 0 up")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        classes = await classes_of(problem, standing(scored))
        plain = not self.experts and all(one.verdict is None for members in classes for one in members)
        weights = [math.fsum(1.0 if plain else self._weight(one) for one in members) for members in classes]
        return elected(classes, weights, "vote" if plain else "weight")

    def _weight(self, one: Scored) -> float:
        return self.experts.get(one.candidate.expert, 1.0) if self.experts else score_of(one)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)
