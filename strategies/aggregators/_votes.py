"""What aggregators share: candidates in lineage order, their classes, and the best of a class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from orchestrator import answers
from orchestrator.errors import VerifierError
from orchestrator.types import Candidate, Choice, Problem, Scored

Class: TypeAlias = tuple[Scored, ...]
"""Candidates with one answer, in lineage order."""

NOTHING = Choice(None, 0.0, "none")


def in_lineage(scored: Iterable[Scored]) -> list[Scored]:
    """The order of a sequential execution, whatever arrived first."""
    return sorted(scored, key=lambda one: (one.candidate.place, one.candidate.id))


def standing(scored: Iterable[Scored]) -> list[Scored]:
    """Those with an answer who failed no check; where all of them failed one, all of them."""
    able = [one for one in in_lineage(scored) if one.candidate.key is not None]
    return [one for one in able if one.verdict is None or one.verdict.passed is not False] or able


async def classes_of(problem: Problem, scored: Iterable[Scored]) -> list[Class]:
    """The classes of equal answers, by first supporter; who has no answer is in none."""
    voters = [one for one in in_lineage(scored) if one.candidate.key is not None]
    numbers = await answers.classes(problem, [one.candidate.key or "" for one in voters])
    found: dict[int, list[Scored]] = {}
    for one, number in zip(voters, numbers, strict=True):
        found.setdefault(number, []).append(one)
    return [tuple(members) for members in found.values()]


def score_of(one: Scored) -> float:
    """The verdict's score, 0 without a verdict.

    Raises:
        VerifierError: the score is no number from 0 up.
    """
    if one.verdict is None:
        return 0.0
    score = one.verdict.score
    if not math.isfinite(score) or score < 0:
        name = one.verdict.verifier or "a verifier"
        raise VerifierError(f"{name} scored candidate {one.candidate.id} with {score}; scores go from 0 to 1")
    return score


def best_first(scored: Iterable[Scored]) -> list[Scored]:
    """Who passed a check before who did not, verified before cooperative, then by score, then by lineage."""
    return sorted(in_lineage(scored), key=lambda one: (not one.verified, not one.passed, -score_of(one)))


def best_of(members: Class) -> Candidate:
    """The candidate whose text stands for its class."""
    return best_first(members)[0].candidate


def elected(classes: Sequence[Class], weights: Sequence[float], chosen_by: str) -> Choice:
    """The class of most weight; a tie goes to the one whose first supporter is earliest."""
    if not classes:
        return NOTHING
    ranked = sorted(zip(classes, weights, strict=True), key=lambda pair: -pair[1])
    total = math.fsum(weights)
    ranking = tuple(best_of(members) for members, _ in ranked)
    return Choice(ranking[0], ranked[0][1] / total if total else 0.0, chosen_by, ranking)
