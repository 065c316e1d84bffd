"""Counts answers that can be right in parts."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from orchestrator.types import Json

from .metrics import interval_of_mean
from .results import ScoreLine


@dataclass(slots=True)
class ScoreTally:
    """Points of one strategy over a set, averaged in both ways: they differ where problems have different numbers."""

    points: float = 0.0
    of: float = 0.0
    flags: Counter[str] = field(default_factory=Counter)
    """Answers by what is odd about them."""
    _shares: array[float] = field(default_factory=lambda: array("d"))
    """Of every line, for an interval of their mean: eight bytes each."""

    def add(self, score: ScoreLine | None) -> None:
        if score is not None:
            self.points += score.points
            self.of += score.of
            self.flags.update(score.flags)
            self._shares.append(score.points / score.of)

    @property
    def micro(self) -> float | None:
        """Points of all problems by all that there are."""
        return self.points / self.of if self.of else None

    @property
    def macro(self) -> float | None:
        """Mean over problems of their shares."""
        return sum(self._shares) / len(self._shares) if self._shares else None

    def row(self) -> dict[str, Json]:
        """What a row of results says of it; nothing where nothing was scored."""
        if not self._shares:
            return {}
        low, high = interval_of_mean(self._shares)
        told: dict[str, Json] = {
            "micro": self.micro,
            "macro": self.macro,
            "ci95": [low, high],
            "points": self.points,
            "of": self.of,
            "flags": dict(sorted(self.flags.items())),
        }
        return {"score": told}
