"""Search over what a hand of numbers can make, in exact rationals.

What part of a hand can make is kept, so hands that share numbers share work; a hand of four takes a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import TypeAlias

GOAL = Fraction(24)
STRANGE = 100
"""Cost of a fraction or a negative number: any way without them is more welcome."""

Hand: TypeAlias = tuple[int, ...]
"""In ascending order."""


@dataclass(frozen=True, slots=True)
class Node:
    """A number of the hand, or two nodes joined."""

    value: Fraction
    """As worked out; with a slip not what it truly comes to."""
    cost: int
    """How unwelcome it is: divisions, fractions and negative numbers on the way."""
    sign: str = ""
    left: Node | None = None
    right: Node | None = None

    def __str__(self) -> str:
        if self.left is None or self.right is None:
            return str(self.value)
        left, right = str(self.left), str(self.right)
        if self.sign in "*/" and self.left.sign in ("+", "-"):
            left = f"({left})"
        if self.right.sign and (self.sign in "/-" or (self.sign == "*" and self.right.sign != "*")):
            bare = self.sign == "-" and self.right.sign in "*/"
            right = right if bare else f"({right})"
        return f"{left} {self.sign} {right}"

    def steps(self) -> Iterator[str]:
        """The arithmetic, innermost first."""
        if self.left is not None and self.right is not None:
            yield from self.left.steps()
            yield from self.right.steps()
            yield f"{operand(self.left)} {self.sign} {operand(self.right)} = {self.value}"

    def true_value(self) -> Fraction | None:
        """What it comes to if every step is worked out rightly; `None` where that divides by 0."""
        if self.left is None or self.right is None:
            return self.value
        a, b = self.left.true_value(), self.right.true_value()
        if a is None or b is None or (self.sign == "/" and b == 0):
            return None
        return {"+": a + b, "-": a - b, "*": a * b}[self.sign] if self.sign != "/" else a / b

    def grafted(self, value: int, scion: Node) -> Node:
        """The same with its first plain number `value` replaced by `scion`."""
        if self.left is None or self.right is None:
            return scion if self.value == value else self
        left = self.left.grafted(value, scion)
        right = self.right if left is not self.left else self.right.grafted(value, scion)
        return Node(self.value, self.cost, self.sign, left, right)


def operand(node: Node) -> str:
    plain = node.value.denominator == 1 and node.value >= 0
    return str(node.value) if plain else f"({node.value})"


def _joined(a: Node, sign: str, b: Node, value: Fraction) -> Node:
    cost = a.cost + b.cost + (sign == "/") + STRANGE * (value.denominator != 1 or value < 0)
    return Node(value, cost, sign, a, b)


def joins(a: Node, b: Node) -> Iterator[Node]:
    """All that two nodes give in this order."""
    yield _joined(a, "+", b, a.value + b.value)
    yield _joined(a, "-", b, a.value - b.value)
    yield _joined(a, "*", b, a.value * b.value)
    if b.value:
        yield _joined(a, "/", b, a.value / b.value)


@lru_cache(maxsize=20_000)
def _splits(hand: Hand) -> tuple[tuple[Hand, Hand], ...]:
    """The ways to part a hand in two, in both orders."""
    places = range(len(hand))
    found: dict[tuple[Hand, Hand], None] = {}
    for size in range(1, len(hand)):
        for chosen in combinations(places, size):
            rest = tuple(hand[i] for i in places if i not in chosen)
            found[tuple(hand[i] for i in chosen), rest] = None
    return tuple(found)


@lru_cache(maxsize=4000)
def values(hand: Hand) -> dict[Fraction, Node]:
    """What a whole hand can give, each value by its most welcome way."""
    if len(hand) == 1:
        return {Fraction(hand[0]): Node(Fraction(hand[0]), 0)}
    found: dict[Fraction, Node] = {}
    for one, other in _splits(hand):
        for a in values(one).values():
            for b in values(other).values():
                for node in joins(a, b):
                    if node.value not in found or node.cost < found[node.value].cost:
                        found[node.value] = node
    return found


@lru_cache(maxsize=4000)
def endings(hand: Hand) -> tuple[Node, ...]:
    """The ways to 24 that differ in their last step, the most welcome first; none where the hand cannot make 24."""
    found: dict[tuple[Fraction, str, Fraction], Node] = {}
    for one, other in _splits(hand):
        if 2 * len(one) > len(hand):
            continue  # its mirror image looks up the many values of the larger group, not the few
        partners = values(other)
        for a in values(one).values():
            for first, sign, second in _wanted(a, partners):
                low, high = (first, second) if sign in "-/" or first.value <= second.value else (second, first)
                key = (low.value, sign, high.value)
                node = _joined(low, sign, high, GOAL)
                if key not in found or node.cost < found[key].cost:
                    found[key] = node
    return tuple(sorted(found.values(), key=lambda node: node.cost))


def _wanted(a: Node, partners: Mapping[Fraction, Node]) -> Iterator[tuple[Node, str, Node]]:
    """The last steps that join `a` and one of `partners` to 24."""
    value = a.value
    if (b := partners.get(GOAL - value)) is not None:
        yield a, "+", b
    if (b := partners.get(value - GOAL)) is not None:
        yield a, "-", b
    if (b := partners.get(GOAL + value)) is not None:
        yield b, "-", a
    if not value:
        return
    if (b := partners.get(GOAL / value)) is not None:
        yield a, "*", b
    if (b := partners.get(value / GOAL)) is not None:
        yield a, "/", b
    if (b := partners.get(GOAL * value)) is not None:
        yield b, "/", a
