"""Sentences as patterns: plain words with places for numbers, names and things."""

from __future__ import annotations

import re

from .numbers import NUMBER, PART

_WORD = r"[A-Za-z][\w'\u2019-]*"
_PLACE = re.compile(r"\{([a-z]\w*)\}")
_FILLER = r"(?:[^.?!\d$]{1,120}[.!]\s+){0,2}?"
"""Up to two sentences without a number between two that matter."""


def pattern(text: str) -> re.Pattern[str]:
    """A pattern out of a sentence.

    `{a}` (one letter) is a number, after `$` or before `dollars` as well; `{name}` (longer) is one to three words, and
    `{part}` a unit fraction; a name that comes again stands for the same words. `. ` ends a sentence, behind which
    others without numbers may stand. All else is a regular expression, case ignored, in which a space is any space.
    """
    out, place = "", 0
    seen: set[str] = set()
    for found in _PLACE.finditer(text):
        out += _spaced(text[place : found.start()]) + _group(found[1], seen)
        place = found.end()
    return re.compile(out + _spaced(text[place:]), re.IGNORECASE)


def _spaced(text: str) -> str:
    text = text.replace(r"\. ", rf"[.;!]\s+{_FILLER}")
    return text.replace(" ", r"\s+")


def _group(name: str, seen: set[str]) -> str:
    if name in seen:
        return rf"(?P={name})"
    seen.add(name)
    if len(name) == 1:
        return rf"\$?(?P<{name}>{NUMBER})"
    return rf"(?P<{name}>{PART if name == 'part' else _words(name)})"


def _words(name: str) -> str:
    return _WORD if name.startswith(("name", "other", "third")) else rf"{_WORD}(?:\s{_WORD}){{0,2}}?"


def last(patterns: tuple[re.Pattern[str], ...], text: str) -> re.Match[str] | None:
    """The match that ends last, of all the patterns."""
    best: re.Match[str] | None = None
    for each in patterns:
        for match in each.finditer(text):
            if best is None or match.end() > best.end():
                best = match
    return best
