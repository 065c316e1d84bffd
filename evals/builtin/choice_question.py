"""A multiple-choice question, and what its numbers are written like."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Question:
    """One question with its answer and what stands beside it."""

    ways: tuple[str, ...]
    """The ways to ask, filled in."""
    right: object
    wrong: tuple[object, ...]
    """What mistakes give, the likeliest first; may hold the right answer, which is passed over."""


def around(value: int, *likely: int) -> tuple[int, ...]:
    """Numbers that mistakes give, and then near ones, so that there are always enough."""
    near = (value + 1, value - 1, value + 2, value + 10)
    return tuple(number for number in (*likely, *near) if number >= 0)


def decimal(value: Fraction) -> str:
    """A number with as many decimals as it needs."""
    return f"{float(value):.6f}".rstrip("0").rstrip(".")
