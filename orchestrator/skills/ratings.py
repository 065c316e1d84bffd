"""What recruiting works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Ratings:
    """How well each expert does, by its id."""

    scores: Mapping[str, Mapping[str, float]]
    """With each skill; a skill that is missing counts 0."""
    strengths: Mapping[str, float]
    """All in all; an expert that is missing counts 0."""

    @cached_property
    def skills(self) -> tuple[str, ...]:
        """Every skill that has a score, sorted, so that no order depends on how a set hashes."""
        return tuple(sorted({skill for scores in self.scores.values() for skill in scores}))

    def local(self, expert: str, skills: Iterable[str]) -> float:
        """How well an expert does with these skills together; one that comes twice counts twice."""
        known = self.scores.get(expert, {})
        return sum(known.get(skill, 0.0) for skill in skills)

    def strength(self, expert: str) -> float:
        """How well an expert does all in all."""
        return self.strengths.get(expert, 0.0)

    def reasons(self, expert: str, skills: Iterable[str], most: int = 4) -> str:
        """What speaks for and against an expert, as in `thermodynamics +7, algebra -1`: the weightiest first."""
        known = self.scores.get(expert, {})
        told = [(skill, known[skill]) for skill in dict.fromkeys(skills) if known.get(skill)]
        told.sort(key=lambda each: -abs(each[1]))
        return ", ".join(f"{skill} {score:+g}" for skill, score in told[:most])
