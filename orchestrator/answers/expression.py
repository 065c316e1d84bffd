r"""Reads the mathematical expression that a reply ends with; the key is its textual normal form (see `latex`).

The first of these that the reply has: a JSON field `answer`, the last balanced `\boxed{...}`, the last phrase "the
answer is ..." or "answer: ...", else a last line that is nothing but mathematics. Equal expressions that are written
differently get different keys here and meet in `answers.classes`.
"""

from __future__ import annotations

import re

from ..types import Problem
from .headed import headed
from .latex import is_rational, normal
from .phrases import Reading, boxed, json_field, last_line

__all__ = ["is_rational", "normal", "read", "same"]

_MARKER = re.compile(r"\banswer\b[^\n.:=$\\]{0,60}?(?:\b(?:is|be|equals)\b:?|:)[ \t*]*", re.IGNORECASE)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_WORD = re.compile(r"(?<!\\)\b[a-zA-Z]{3,}\b")
_FUNCTIONS = re.compile(r"\b(?:sqrt|sin|cos|tan|log|exp)\b")
_LOST_ESCAPES = str.maketrans({"\x0c": "\\f", "\x08": "\\b", "\t": "\\t", "\r": "\\r", "\x0b": "\\v", "\x07": "\\a"})
_LONGEST = 2000


def read(problem: Problem, text: str) -> Reading | None:
    """The expression as written in LaTeX or plainly."""
    value = _value(text)
    key = normal(value) if value and len(value) <= _LONGEST else ""
    return Reading(value, key) if any(char.isalnum() for char in key) else None


def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether the normal forms are equal; `answers.same` asks the mathematics where they are not."""
    return normal(reference) == normal(value)


def _value(text: str) -> str:
    field = json_field(text)
    if isinstance(field, (str, int, float)) and not isinstance(field, bool):
        # LaTeX in JSON often lacks the doubled backslash: "\frac" arrives as a form feed and "rac".
        answer = str(field).translate(_LOST_ESCAPES)
        return boxed(answer) or _inner(answer)
    box = boxed(text)
    if box is not None:
        return box
    for marker in reversed(list(headed(_MARKER, text, ("answer",)))):
        rest = text[marker.end() : marker.end() + _LONGEST]
        if answer := _stated(rest):
            return answer
    line = last_line(text)
    plain = _FUNCTIONS.sub("", line)
    return (
        _inner(line)
        if line and not _WORD.search(_MATH.sub("", plain)) and any(c.isdigit() or c in "$\\" for c in line)
        else ""
    )


def _stated(rest: str) -> str:
    """The answer that follows a phrase: the first formula, if it stands before any sentence, else the line."""
    rest = rest.lstrip(" \t\n*")
    formula = _MATH.match(rest)
    if formula:
        return next(group for group in formula.groups() if group is not None).strip()
    line = rest.partition("\n")[0].strip().rstrip("*")
    formula = _MATH.search(line)
    if formula and not _WORD.search(line[formula.end() :]):
        return next(group for group in formula.groups() if group is not None).strip()
    return re.split(r"[.;](?:\s|$)", line)[0].strip()


def _inner(text: str) -> str:
    match = _MATH.fullmatch(text.strip().rstrip("."))
    return next(group for group in match.groups() if group is not None).strip() if match else text.strip()
