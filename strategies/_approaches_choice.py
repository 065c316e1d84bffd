"""Which pairs of approach and persona go into a book: those that are best alone, or best together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Mark:
    """What a pair made of one validation problem."""

    answer: int | None
    """Number of its answer among the different ones to this problem; `None`: it could not be read, or did not come."""
    right: bool


Marks: TypeAlias = Sequence[Mark]
"""Of one pair, on each validation problem."""


def right_of(marks: Marks) -> int:
    return sum(mark.right for mark in marks)


def best_alone(marks: Sequence[Marks], size: int) -> list[int]:
    """The pairs of highest accuracy, best first; of equals the first in order."""
    return sorted(range(len(marks)), key=lambda i: -right_of(marks[i]))[:size]


def best_together(marks: Sequence[Marks], checked: Sequence[bool], size: int, bonus: float) -> list[int]:
    """Pairs chosen one after the other, each so that the choice with it solves most.

    A tie goes to the more accurate pair, then to the first in order.

    Args:
        checked: of each problem, whether a check picks among the answers, so that one right answer is enough; else the
            majority decides.
        bonus: added for a pair that never makes the same mistake as those that were chosen before.
    """
    chosen: list[int] = []
    left = best_alone(marks, len(marks))
    while left and len(chosen) < size:
        gains = {i: _worth([marks[j] for j in (*chosen, i)], checked, bonus) for i in left}
        best = max(left, key=gains.__getitem__)
        chosen.append(best)
        left.remove(best)
    return chosen


def _worth(chosen: Sequence[Marks], checked: Sequence[bool], bonus: float) -> float:
    """Accuracy of the pairs together, and a bonus for how seldom the last one repeats a mistake of the others."""
    ranked = sorted(chosen, key=lambda marks: -right_of(marks))
    pairs = list(zip(zip(*ranked, strict=True), checked, strict=True))
    solved = sum(any(mark.right for mark in given) if sound else _elected(given) for given, sound in pairs)
    *others, last = chosen
    repeated = [_repeats(a, b) for other in others for a, b in zip(other, last, strict=True)]
    disagreement = 1 - sum(repeated) / len(repeated) if repeated else 0.0
    return solved / max(1, len(pairs)) + bonus * disagreement


def _repeats(one: Mark, other: Mark) -> bool:
    """Whether both are wrong alike; who has no answer outvotes nobody's mistake."""
    return not one.right and not other.right and (one.answer == other.answer or None in (one.answer, other.answer))


def _elected(given: Sequence[Mark]) -> bool:
    """Whether the answer that most have is right; a tie goes to the most accurate pair, which stands first."""
    votes = [mark.answer for mark in given if mark.answer is not None]
    if not votes:
        return False
    winner = max(votes, key=votes.count)
    return any(mark.right for mark in given if mark.answer == winner)


def interval(right: int, tried: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; the whole range where nothing was tried."""
    if tried == 0:
        return 0.0, 1.0
    share, spread = right / tried, _Z95**2 / tried
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 / (1 + spread) * sqrt(share * (1 - share) / tried + spread / (4 * tried))
    return max(0.0, middle - half), min(1.0, middle + half)
