"""Chains of small sums, and the ways in which they go wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from .numbers import shown

_SIGNS = {"+": "+", "-": "-", "*": "x", "/": "/"}
_CONFUSED = {"+": "-", "-": "+", "*": "+", "/": "*"}
_VERBS = {
    "+": "adding {0} and {1}",
    "-": "taking {1} from {0}",
    "*": "multiplying {0} by {1}",
    "/": "dividing {0} by {1}",
}
_MISCOUNTS = (1, -1, 10, -10, 2, -2)
_TRIES = 24


@dataclass(frozen=True, slots=True)
class Step:
    """One sum: `name = left sign right`, where both sides are names of earlier values or numbers."""

    name: str
    left: str
    sign: str
    right: str
    what: str
    """What the result is, in words; may name what the text names, in braces."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A step that was carried out."""

    what: str
    left: Fraction
    sign: str
    right: Fraction
    result: Fraction

    def __str__(self) -> str:
        sides = f"{shown(self.left)} {_SIGNS[self.sign]} {shown(self.right)}"
        return f"{self.what[:1].upper()}{self.what[1:]}: {sides} = {shown(self.result)}."

    @property
    def hint(self) -> str:
        """How the result comes about, without the result."""
        done = _VERBS[self.sign].format(shown(self.left), shown(self.right))
        return f"{done[:1].upper()}{done[1:]} gives {self.what}."


@dataclass(frozen=True, slots=True)
class _Mistake:
    """At which step, and what: another sign, the step left out (never the last), or a miscount."""

    at: int
    kind: str
    by: int = 0


def worked(steps: tuple[Step, ...], given: Mapping[str, Fraction], words: Mapping[str, str]) -> tuple[Sum, ...]:
    """The steps carried out on what is given."""
    return tuple(_run(steps, given, words, None))


def slipped(
    steps: tuple[Step, ...], given: Mapping[str, Fraction], words: Mapping[str, str], rng: random.Random
) -> tuple[Sum, ...]:
    """The same with one mistake, which changes the result."""
    right = worked(steps, given, words)[-1].result
    for mistake in _drawn(len(steps), rng):
        try:
            sums = tuple(_run(steps, given, words, mistake))
        except ZeroDivisionError:
            continue
        wrong = sums[-1].result
        if wrong != right and wrong >= 0 and wrong.denominator <= 2 * right.denominator:
            return sums
    last = worked(steps, given, words)
    return (*last[:-1], _with(last[-1], last[-1].result + 1))


def _drawn(steps: int, rng: random.Random) -> Iterator[_Mistake]:
    for _ in range(_TRIES):
        at, kind = rng.randrange(steps), rng.choice(("sign", "skip", "count", "count"))
        last = at == steps - 1
        yield _Mistake(at, "sign" if last and kind == "skip" else kind, rng.choice(_MISCOUNTS))


def _run(
    steps: tuple[Step, ...], given: Mapping[str, Fraction], words: Mapping[str, str], mistake: _Mistake | None
) -> Iterator[Sum]:
    values = dict(given)
    for i, step in enumerate(steps):
        left, right = _value(step.left, values), _value(step.right, values)
        kind = mistake.kind if mistake and mistake.at == i else ""
        sign = _CONFUSED[step.sign] if kind == "sign" else step.sign
        result = _done(left, sign, right)
        if kind == "count" and mistake:
            result += mistake.by
        if kind != "skip":
            yield Sum(step.what.format(**words), left, sign, right, result)
        values[step.name] = left if kind == "skip" else result


def _value(name: str, values: Mapping[str, Fraction]) -> Fraction:
    return values[name] if name in values else Fraction(name)


def _done(left: Fraction, sign: str, right: Fraction) -> Fraction:
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    return left / right


def _with(total: Sum, result: Fraction) -> Sum:
    return Sum(total.what, total.left, total.sign, total.right, result)
