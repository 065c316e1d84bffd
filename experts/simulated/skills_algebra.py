"""Equations, sequences, remainders and other things done with whole numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from .computed import Computed, Skill, number

Found = Mapping[str, str]


def _whole(found: Found, *names: str) -> list[int]:
    return [int(found[name].replace(",", "")) for name in names]


def _equation(found: Found) -> Computed | None:
    a, b, c = _whole(found, "a", "b", "c")
    if a == 0:
        return None
    x = Fraction(c - b, a)
    return Computed(
        (f"Taking {b} from both sides leaves {a}x = {c - b}.", f"Dividing by {a} gives x = {number(x)}."),
        number(x),
        (
            (f"Adding {b} gives {a}x = {c + b}, so x is about {(c + b) // a}.", number((c + b) // a)),
            (f"Taking {b} and then {a} from {c} leaves {c - b - a}.", number(c - b - a)),
            (f"{c} - {b} = {c - b}, shared among {a + 1} gives {(c - b) // (a + 1)}.", number((c - b) // (a + 1))),
        ),
        (
            f"What was added last, {b}, is taken away first.",
            f"The unknown is multiplied by {a}, so the end is a division by {a}.",
            f"Put the result into {a}x + {b}: it must give {c}.",
            f"The unknown is smaller than {c}.",
        ),
    )


def _both_sides(found: Found) -> Computed | None:
    a, b, c, d = _whole(found, "a", "b", "c", "d")
    if a == c:
        return None
    x = Fraction(d - b, a - c)
    return Computed(
        (
            f"Taking {c}x from both sides leaves {a - c}x + {b} = {d}.",
            f"Taking {b} from both sides leaves {a - c}x = {d - b}.",
            f"So x = {d - b}/{a - c} = {number(x)}.",
        ),
        number(x),
        (
            (f"{a - c}x = {d} + {b} = {d + b}, so x is about {(d + b) // (a - c)}.", number((d + b) // (a - c))),
            (f"{a}x + {c}x = {d - b}, so x is about {(d - b) // (a + c)}.", number((d - b) // (a + c))),
            (f"What is left over is {d} - {b} = {d - b}.", number(d - b)),
        ),
        (
            "Both sides have the unknown, so it is gathered on one side first.",
            f"The unknown counts {a} times on one side and {c} times on the other.",
            f"The plain numbers {b} and {d} belong together on the other side.",
            "Put the result into both sides: they must be equal.",
        ),
    )


def _terms(found: Found) -> Computed | None:
    first, second, third, n = _whole(found, "a", "b", "c", "n")
    step = second - first
    if third - second != step:
        return _powers(first, second, third, n)
    value = first + (n - 1) * step
    return Computed(
        (
            f"Each term is {step} more than the one before.",
            f"Term {n} is {first} + {n - 1} x {step} = {value}.",
        ),
        number(value),
        (
            (f"Term {n} is {first} + {n} x {step} = {first + n * step}.", number(first + n * step)),
            (f"Term {n} is {n} x {step} = {n * step}.", number(n * step)),
            (f"Term {n} is {first} + {n - 2} x {step} = {value - step}.", number(value - step)),
        ),
        (
            f"The step between two terms is {step}.",
            f"From the first term to term {n} there are {n - 1} steps, not {n}.",
            f"The sequence begins at {first}, not at 0.",
            "The differences are all the same, so it grows along a straight line.",
        ),
    )


def _powers(first: int, second: int, third: int, n: int) -> Computed | None:
    if first == 0 or second % first or third * first != second * second:
        return None
    ratio = second // first
    value = first * ratio ** (n - 1)
    return Computed(
        (f"Each term is {ratio} times the one before.", f"Term {n} is {first} x {ratio}^{n - 1} = {value}."),
        number(value),
        (
            (f"Term {n} is {first} x {ratio}^{n} = {value * ratio}.", number(value * ratio)),
            (f"Term {n} is {first} x {ratio}^{n - 2} = {value // ratio}.", number(value // ratio)),
            (f"Term {n} is about {value + first}.", number(value + first)),
        ),
        (
            f"The quotient of two neighbours is {ratio}.",
            f"From the first term to term {n} the factor comes in {n - 1} times.",
            f"The sequence begins at {first}.",
            "The differences grow, so it is no sequence with a fixed step.",
        ),
    )


def _multiple(found: Found) -> Computed | None:
    a, b = _whole(found, "a", "b")
    if not a or not b:
        return None
    common, value = math.gcd(a, b), math.lcm(a, b)
    return Computed(
        (
            f"The greatest common divisor of {a} and {b} is {common}.",
            f"So both meet at {a} x {b} / {common} = {value}.",
        ),
        number(value),
        (
            (f"Both meet at {a} x {b} = {a * b}.", number(a * b)),
            (f"What they have in common is {common}.", number(common)),
            (f"Both meet at {a} + {b} = {a + b}.", number(a + b)),
        ),
        (
            f"A number is wanted that both {a} and {b} divide, and the smallest one.",
            f"{a} and {b} have the divisor {common} in common, so their product is too large.",
            f"Going through the multiples of {max(a, b)} finds it quickly.",
            f"The result is at least {max(a, b)}.",
        ),
    )


def _base_two(found: Found) -> Computed | None:
    bits = found["bits"]
    value = int(bits, 2)
    places = [1 << i for i, bit in enumerate(reversed(bits)) if bit == "1"]
    total = " + ".join(map(str, reversed(places)))
    mirrored = int(bits[::-1], 2)
    return Computed(
        (f"The ones of {bits} stand for {total}.", f"Together that is {value}."),
        number(value),
        (
            (f"Read from the left, the ones stand for {mirrored} in all.", number(mirrored)),
            (f"The first place counts 2, so the sum is {value * 2}.", number(value * 2)),
            (f"The last place does not count, so the sum is {value // 2}.", number(value // 2)),
        ),
        (
            "The places are worth 1, 2, 4, 8, 16 and so on, from the right.",
            f"There are {len(bits)} places, so the value is below {1 << len(bits)}.",
            f"The last digit is {bits[-1]}, so the value is {'odd' if bits[-1] == '1' else 'even'}.",
            f"There are {bits.count('1')} ones to add up.",
        ),
    )


def _remainder(found: Found) -> Computed | None:
    base, power, modulus = _whole(found, "a", "b", "m")
    if modulus < 2:
        return None
    value = pow(base, power, modulus)
    cycle = [pow(base, i, modulus) for i in range(1, 7)]
    return Computed(
        (
            f"The powers of {base} leave {', '.join(map(str, cycle))}, ... when divided by {modulus}.",
            f"Following that to the power {power} gives {value}.",
        ),
        number(value),
        (
            (f"{base} x {power} leaves {base * power % modulus}.", number(base * power % modulus)),
            (f"One factor less leaves {pow(base, power - 1, modulus)}.", number(pow(base, power - 1, modulus))),
            (f"One factor more leaves {pow(base, power + 1, modulus)}.", number(pow(base, power + 1, modulus))),
        ),
        (
            "Only remainders matter, so every product can be cut down at once.",
            f"There are just {modulus} remainders, so the powers come round in a cycle.",
            f"The first powers leave {cycle[0]} and {cycle[1]}.",
            f"The result lies between 0 and {modulus - 1}.",
        ),
    )


_TERMS = r"{a}, {b}, {c}(?:, \d+)*"
SKILLS = (
    Skill(
        "two sides",
        ("algebra", "equations"),
        0.5,
        "same as|equal|solve",
        (
            r"{a}\s?\*?\s?x \+ {b} = {c}\s?\*?\s?x \+ {d}",
            r"{a}\s?\*?\s?x \+ {b} equal to {c}\s?\*?\s?x \+ {d}",
            r"{a} times a number plus {b} is the same as {c} times the number plus {d}",
        ),
        _both_sides,
    ),
    Skill(
        "equations",
        ("algebra", "equations"),
        0.35,
        "solve|satisf|number",
        (
            r"{a}\s?\*?\s?x \+ {b} = {c}(?!\s?\*?\s?x)(?!\d)",
            r"number is multiplied by {a},? and then {b} is added\. The result is {c}",
        ),
        _equation,
    ),
    Skill(
        "terms",
        ("sequences", "algebra"),
        0.45,
        "sequence",
        (
            rf"(?:term number {{n}}|the {{n}}(?:st|nd|rd|th) term) of the sequence {_TERMS}",
            rf"sequence (?:begins|starts) (?:with )?{_TERMS}[^?]*?(?:its|the) {{n}}(?:st|nd|rd|th) term",
            rf"sequence {_TERMS}[^?]*? at position {{n}}",
        ),
        _terms,
    ),
    Skill(
        "common multiples",
        ("number theory", "divisibility"),
        0.45,
        "multiple|every",
        (
            r"every {a} (?:minutes|seconds|hours|days),? (?:and )?(?:the other|another one)(?: one)? every {b} "
            r"(?:minutes|seconds|hours|days)",
            r"least common multiple of {a} and {b}",
        ),
        _multiple,
    ),
    Skill(
        "binary numbers",
        ("number systems", "arithmetic"),
        0.4,
        "binary|base 2",
        (
            r"decimal number is (?P<bits>[01]{3,}) in binary",
            r"binary number (?P<bits>[01]{3,})",
            r"value of (?P<bits>[01]{3,}) in base 2",
        ),
        _base_two,
    ),
    Skill(
        "remainders",
        ("number theory", "remainders"),
        0.6,
        "remainder|modulo",
        (
            r"remainder when {a}\^{b} is divided by {m}",
            r"{a} to the power of {b} is divided by {m}",
            r"{a}\^{b} modulo {m}",
        ),
        _remainder,
    ),
)
