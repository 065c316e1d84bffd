"""A question worked out, with the mistakes that are usual for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from .numbers import shown
from .patterns import pattern

_PLAIN = re.compile(r"(-?\d[\d,]*(?:\.\d+)?)(?:\s*/\s*(\d+))?\s*(?:%|[A-Za-z ]{2,20})?")


@dataclass(frozen=True, slots=True)
class Computed:
    """An answer with its reasons."""

    steps: tuple[str, ...]
    value: str
    mistakes: tuple[tuple[str, str], ...]
    """What goes wrong, said as the one who errs would say it, and the value that it gives."""
    remarks: tuple[str, ...]
    """What helps with it: true sentences without the answer."""


@dataclass(frozen=True)
class Skill:
    """Questions of one sort: how they are asked, and how they are worked out."""

    name: str
    skills: tuple[str, ...]
    difficulty: float
    cue: str
    """In every way of asking, in lower case."""
    asked: tuple[str, ...]
    work: Callable[[Mapping[str, str]], Computed | None]
    """From the groups of the pattern that matched; `None` where its numbers make no sense."""

    def patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(pattern, self.asked))


def number(value: int | Fraction) -> str:
    """A value as a text."""
    return shown(Fraction(value))


def alike(one: str, other: str) -> bool:
    """Whether two texts say the same: the same number, be there a unit or not, or the same words."""
    a, b = _number(one), _number(other)
    if a is not None and b is not None:
        return a == b
    return _folded(one) == _folded(other)


def _number(text: str) -> Fraction | None:
    found = _PLAIN.fullmatch(text.strip().rstrip("."))
    if found is None or (found[2] and not int(found[2])):
        return None
    return Fraction(found[1].replace(",", "")) / int(found[2] or 1)


def _folded(text: str) -> str:
    return " ".join(text.casefold().strip(" .").split())
