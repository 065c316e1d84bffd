"""How far candidates stand behind an answer that something else than their number has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from orchestrator import answers
from orchestrator.types import Candidate, Choice, Problem

from .._overlap import bag, said, token_f1
from ._votes import Class, best_of


async def supported(
    problem: Problem, chosen: Candidate, classes: Sequence[Class], voters: int, chosen_by: str, reason: str = ""
) -> Choice:
    """The choice of a candidate, which need not be one of those in `classes`.

    Confidence is the share of the voters with the same answer; for free text, the mean token F1 of theirs with it. The
    ranking has the chosen one first and one of each other answer behind it, those of most candidates first.
    """
    ordered = sorted(classes, key=len, reverse=True)
    heads = [members[0].candidate.key or "" for members in ordered]
    *numbers, mine = await answers.classes(problem, [*heads, chosen.key or ""])
    numbered = list(zip(ordered, numbers, strict=True))
    agreeing = sum(len(members) for members, number in numbered if number == mine)
    share = _likeness(chosen, ordered) if problem.kind == "text" else agreeing
    others = (best_of(members) for members, number in numbered if number != mine)
    return Choice(chosen, share / voters if voters else 0.0, chosen_by, (chosen, *others), reason)


def _likeness(chosen: Candidate, classes: Sequence[Class]) -> float:
    mine = bag(said(chosen))
    return fsum(token_f1(mine, bag(said(one.candidate))) for members in classes for one in members)
