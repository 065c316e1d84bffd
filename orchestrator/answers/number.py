r"""Reads the number that a reply ends with; the key is an exact rational in lowest terms.

The first of these that the reply has: a JSON field `answer`, the last `\boxed{...}`, the last `####` line, the last
phrase "the answer is" or "answer:", else the last number on the last line. A reply without any abstains. Inside an
explicit answer the number after the last "=" counts, else the first; a root, pi or a variable beside the numbers means
that there is none. Currency, percent signs, thousands separators, units and a trailing full stop are dropped;
fractions, mixed numbers and powers of ten are worked out.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from ..types import Problem
from .headed import headed
from .phrases import Reading, boxed, json_field, last_line

_MARKER = re.compile(
    r"\banswer\b[^\n.:=]{0,60}?(?:\b(?:is|be|equals)\b:?|[:=])[ \t*]*|####|^A:", re.IGNORECASE | re.MULTILINE
)
_HEADS = ("answer", "####", "a:")
_INTEGER = r"(?:\d{1,3}(?:(?:,|\{,\}|\\,)\d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_INTEGER}(?:\.\d+)?|\.\d+)"
_CURRENCY = r"(?:\\?\$|[€£¥₹]|USD|US\$)?\s?"
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>(?<![\d)\]}}] )(?<![\d)\]}}])[-+]\s?)?{_CURRENCY}(?P<sign2>-)?"
    rf"(?:\\[dt]?frac\s*\{{\s*(?P<top>-?{_DECIMAL})\s*\}}\s*\{{\s*(?P<bottom>{_DECIMAL})\s*\}}"
    rf"|(?P<whole>\d{{1,9}})(?:\s|\s?\\[dt]?frac\s*\{{?)(?P<over>\d{{1,9}})(?:/|\}}?\s*\{{)(?P<under>\d{{1,9}})\}}?(?![\d.])"
    rf"|(?P<plain>{_DECIMAL})(?:\s?/\s?(?P<divisor>{_DECIMAL})(?![\d/]))?"
    rf"(?:[eE](?P<exponent>[-+]?\d{{1,9}})(?!\w)|\s?(?:\*|\u00d7|x|\\times|\\cdot)\s?10\s?\^\s?\{{?(?P<power>[-+]?\d{{1,9}})\}}?)?)"
)
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u202f": ",", "\u2009": ","})
_SYMBOLIC = re.compile(
    r"\\(?:sqrt|pi|log|ln|sin|cos|tan|infty|theta|alpha)\b|[π√∞]|\b[a-zA-Z]\s?[-+*^]\s?\d|\d\s?[-+*^]\s?[a-zA-Z]\b"
)
_AFTER_LAST = re.compile(r"[^\\{}=+*/^]{0,80}")
_TOO_LONG = 400
_MOST_TRIES = 50
_NEAR = Fraction(1, 10**6)


def read(problem: Problem, text: str) -> Reading | None:
    """The number as written, and its exact value as the key."""
    explicit = _explicit(text)
    match = _last(_tidy(last_line(text))) if explicit is None else _number(_tidy(explicit))
    value = None if match is None else _value(match)
    return None if match is None or value is None else Reading(" ".join(match[0].split()), str(value))


def same(problem: Problem, reference: str, value: str) -> bool:
    """Equal as exact rationals; against a fraction that no finite decimal can write, within 1e-6 of it."""
    if reference == value:
        return True
    a, b = rational(reference), rational(value)
    if a is None or b is None:
        return reference.strip() == value.strip()
    if a == b:
        return True
    endless = _endless(a.denominator) or _endless(b.denominator)
    return endless and abs(a - b) <= _NEAR * max(Fraction(1), abs(a))


def rational(text: str) -> Fraction | None:
    """The number that stands in a short text, exactly; `None` when there is none."""
    match = _number(_tidy(text))
    return _value(match) if match else None


def _explicit(text: str) -> str | None:
    field = json_field(text)
    if isinstance(field, (str, int, float)) and not isinstance(field, bool):
        return str(field)
    box = boxed(text)
    if box is not None:
        return box
    for marker in list(headed(_MARKER, text, _HEADS))[: -_MOST_TRIES - 1 : -1]:
        rest = text[marker.end() : marker.end() + 500].lstrip().partition("\n")[0]
        if _NUMBER.search(_tidy(rest)):
            return rest
    return None


def _tidy(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_MINUS)).replace("\u2044", "/").translate(_MINUS)
    return text


def _number(text: str) -> re.Match[str] | None:
    head, equals, tail = text.rpartition("=")
    if equals and _NUMBER.search(tail):
        head = tail
    elif not equals:
        head = text
    return None if _SYMBOLIC.search(head) else _NUMBER.search(head)


def _last(line: str) -> re.Match[str] | None:
    last = None
    for match in _NUMBER.finditer(line):
        last = match
    return last if last and _AFTER_LAST.fullmatch(line, last.end()) else None


def _value(match: re.Match[str]) -> Fraction | None:
    if len(match[0]) > _TOO_LONG:
        return None
    if match[0].isdecimal() and match[0].isascii():
        return Fraction(int(match[0]))  # as most are
    found = match.groupdict()
    try:
        if found["top"] is not None:
            value = _fraction(found["top"]) / _fraction(found["bottom"])
        elif found["whole"] is not None:
            value = int(found["whole"]) + Fraction(int(found["over"]), int(found["under"]))
        else:
            value = _fraction(found["plain"])
            if found["divisor"]:
                value /= _fraction(found["divisor"])
    except ZeroDivisionError:
        return None
    exponent = int(found["exponent"] or found["power"] or 0)
    if abs(exponent) > _TOO_LONG:
        return None
    negative = ((found["sign"] or "").strip() == "-") != (found["sign2"] is not None)
    value = -value if negative else value
    return value * Fraction(10) ** exponent if exponent else value


def _fraction(text: str) -> Fraction:
    return Fraction(re.sub(r"[^\d.-]", "", text))


def _endless(denominator: int) -> bool:
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator != 1
