"""Numbers as texts have them, exactly."""

from __future__ import annotations

from fractions import Fraction

from orchestrator.answers import number

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_WORDS = _SMALL.split()
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}

NUMBER = rf"(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?|\b(?:{'|'.join(_WORDS[1:])})\b"
"""A number in digits, or a small one in words."""
PART = rf"(?:a\s+|one\s+)?(?:{'|'.join(_PARTS)})|1/\d+"
"""A unit fraction: half, a third, 1/7."""


def value(text: str) -> Fraction:
    """What a match of `NUMBER` is worth."""
    word = text.strip().lower()
    return Fraction(_WORDS.index(word)) if word in _WORDS else Fraction(word.replace(",", ""))


def parts(text: str) -> Fraction:
    """Into how many parts a match of `PART` divides."""
    word = text.strip().lower().rpartition(" ")[2]
    return Fraction(_PARTS[word]) if word in _PARTS else Fraction(word.rpartition("/")[2])


def shown(number: Fraction) -> str:
    """As one writes it: whole, with at most four decimals, else as a fraction."""
    if number.denominator == 1:
        return str(number.numerator)
    scaled = number * 10_000
    if scaled.denominator == 1:
        sign, digits = "-" if scaled < 0 else "", str(abs(scaled.numerator)).rjust(5, "0")
        return f"{sign}{digits[:-4]}.{digits[-4:].rstrip('0')}"
    return f"{number.numerator}/{number.denominator}"


def equal(one: str, other: str) -> bool:
    """Whether two texts hold the same number."""
    value = number.rational(one)
    return value is not None and value == number.rational(other)
