"""Who is asked: experts drawn by how well they do with a question's skills."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .ratings import Ratings
from .weights import Weighting, shares, weights

Draw = Literal["replacement", "distinct", "top"]
"""Drawn with replacement, drawn without, or the best ones without any chance."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How experts are recruited."""

    recruits: int = 3
    weighting: Weighting = "code"
    draw: Draw = "replacement"
    temperature: float = 0.5
    """Of the weights, not of replies: the lower, the more goes to the best."""

    def __str__(self) -> str:
        """As settings of the strategy."""
        weights = f"weighting={self.weighting}, routing_temperature={self.temperature:g}"
        return f"recruits={self.recruits}, draw={self.draw}, {weights}"


@dataclass(frozen=True, slots=True)
class Recruited:
    """The experts of one question."""

    experts: tuple[str, ...]
    """By id, one a slot; drawn with replacement, an expert may have several."""
    rule: str
    """What chose them: `skills`, `strength` where no skill is known, or `uniform` where there is no skill at all."""
    because: Mapping[str, str]
    """For each of them what spoke for it, as in `thermodynamics +7`."""


def recruited(
    skills: Sequence[str] | None, ratings: Ratings, among: Sequence[str], rules: Rules, rng: random.Random
) -> Recruited:
    """Recruits for a question.

    Args:
        skills: skills of the ratings; empty where the question has some, but none that is known: then overall strength
            decides. `None` where the question has none: then all have the same chance.
        among: ids of those who may be recruited, in the order of the pool.
    """
    strengths = [ratings.strength(expert) for expert in among]
    if skills is None:
        rule, chances = "uniform", [1 / len(among)] * len(among)
    elif not skills:
        rule, chances = "strength", shares(strengths, rules.temperature)
    else:
        local = [ratings.local(expert, skills) for expert in among]
        rule, chances = "skills", weights(local, strengths, rules.weighting, rules.temperature)
    team = tuple(among[i] for i in drawn(chances, rules.recruits, rules.draw, rng))
    because = {expert: _reason(expert, skills, ratings, rule) for expert in team}
    return Recruited(team, rule, because)


def drawn(chances: Sequence[float], count: int, draw: Draw, rng: random.Random) -> list[int]:
    """Places drawn by their chances; without replacement at most as many as there are.

    Places without any chance come last: only where those with one are used up, in order or, when drawn, at random.
    """
    everybody = range(len(chances))
    if draw == "replacement":
        return rng.choices(everybody, chances, k=count)
    if draw == "top":
        return sorted(everybody, key=lambda i: -chances[i])[:count]
    left, found = list(everybody), list[int]()
    while left and len(found) < count:
        of_left = [chances[i] for i in left]
        found.append(rng.choices(left, of_left if any(of_left) else None)[0])
        left.remove(found[-1])
    return found


def _reason(expert: str, skills: Sequence[str] | None, ratings: Ratings, rule: str) -> str:
    told = ratings.reasons(expert, skills or ())
    if told or rule == "uniform":
        return told
    return f"strength {ratings.strength(expert):+g}"
