"""Games of 24: hands of four numbers that can make 24, in equal shares easy, medium and hard.

How hard a hand is, is told by counting its ways to 24 here, with fractions as pairs of whole numbers. No hand comes
twice in a stream; its numbers grow with its length, from 13 at the most.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, cycle
from math import gcd
from typing import TypeAlias

from orchestrator.types import Json

Ratio: TypeAlias = tuple[int, int]
"""A fraction in lowest terms, its denominator above 0."""

_TARGET = 24
_LARGEST, _GROWTH = 13, 600
"""The largest number of the first hands, and after how many hands it grows by one."""
_LEVELS = {"easy": range(12, 10_000), "medium": range(6, 12), "hard": range(1, 6)}
"""Ways to 24."""
_WORDINGS = (
    "Make 24 out of the numbers on the last line, each used exactly once, with + - * / and brackets.\n\n{spaced}",
    "Here are four numbers. Write an expression that has the value 24. Every number must occur exactly once; adding, "
    "subtracting, multiplying, dividing and brackets are allowed.\n\nNumbers: {spaced}",
    "Use {spaced} to make 24. Each number is to be used once and only once, with the four basic operations.",
    "Play the game of 24. You may put + - * / between the four numbers and set brackets as you like, and you must not "
    "leave a number out or use it twice.\n{commas}",
    "With {listed}, each exactly once, reach 24 by addition, subtraction, multiplication and division.",
)


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many hands as wanted, the same for the same seed."""
    rng = random.Random(f"game24:{seed}")
    seen: set[tuple[int, ...]] = set()
    for number, level in enumerate(cycle(_LEVELS)):
        hand = _hand(rng, _LARGEST + number // _GROWTH, level, seen)
        seen.add(tuple(sorted(hand)))
        yield {
            "id": f"game24/{seed}-{number}",
            "kind": "game24",
            "question": _told(rng.choice(_WORDINGS), hand),
            "category": level,
        }


def _hand(rng: random.Random, largest: int, level: str, seen: set[tuple[int, ...]]) -> list[int]:
    """A new hand of the level."""
    while True:
        hand = [rng.randint(1, largest) for _ in range(4)]
        key = tuple(sorted(hand))
        if key not in seen and ways(key) in _LEVELS[level]:
            return hand


def _told(wording: str, hand: Sequence[int]) -> str:
    texts = [str(number) for number in hand]
    listed = f"{', '.join(texts[:-1])} and {texts[-1]}"
    return wording.format(spaced=" ".join(texts), commas=", ".join(texts), listed=listed)


@lru_cache(maxsize=10_000)
def ways(hand: tuple[int, ...]) -> int:
    """The ways to make 24 of all numbers of a hand, counted by the numbers that are left after each step."""
    return _ways(tuple((number, 1) for number in sorted(hand)))


@lru_cache(maxsize=50_000)
def _ways(left: tuple[Ratio, ...]) -> int:
    if len(left) == 2:
        return sum(p == _TARGET * q for p, q in _results(*left))
    following: set[tuple[Ratio, ...]] = set()
    for i, j in combinations(range(len(left)), 2):
        others = [left[k] for k in range(len(left)) if k not in (i, j)]
        following.update(tuple(sorted([*others, result])) for result in _results(left[i], left[j]))
    return sum(_ways(rest) for rest in following)


def _results(a: Ratio, b: Ratio) -> set[Ratio]:
    """What two numbers make, in either order."""
    (p, q), (r, s) = a, b
    found = [(p * s + r * q, q * s), (p * s - r * q, q * s), (r * q - p * s, q * s), (p * r, q * s)]
    if r:
        found.append((p * s, q * r))
    if p:
        found.append((q * r, p * s))
    return {_lowest(top, bottom) for top, bottom in found}


def _lowest(top: int, bottom: int) -> Ratio:
    common = gcd(top, bottom) * (1 if bottom > 0 else -1)
    return top // common, bottom // common
