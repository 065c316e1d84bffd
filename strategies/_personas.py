"""Reads a collaboration of personas that one reply tells: who takes part, and what they agree on."""

from __future__ import annotations

import re

_CAST = re.compile(r"^[ \t*_#>]*participants?[ \t]*(?:\*\*|__)?[ \t]*:(?:\*\*|__)?[ \t]*(?P<named>[^\n]*)", re.I | re.M)
_ITEM = re.compile(r"[ \t]*(?:[-*+\u2022]|\d{1,2}[.)])[ \t]+(?P<named>[^\n]+)\n?")
_DROPPED = re.compile(r"\([^)]*\)|[*_`]+")
_LONGEST_NAME = 80
_MOST = 24
"""Participants that are listed; a reply that names more is no cast list."""

_FINAL = re.compile(r"\bfinal (?:answer|solution)\b[*_` ]*:[*_]*", re.IGNORECASE)
_FINISHED = re.compile(r"\b(?:finish|end of|finished)(?: the)? collaboration\b[!.*_]*", re.IGNORECASE)
_CLOSING = re.compile(r"(?:\bthe (?:final |correct )?answer is\b|\banswer[*_ ]*:|\\boxed\s*\{|^####).*\w", re.I)


def participants(text: str) -> tuple[str, ...]:
    """Names in the first list of participants, as written but for remarks in brackets; the assistant is one of them."""
    match = _CAST.search(text)
    if match is None:
        return ()
    named = re.split(r"[;,]| and ", match["named"]) if match["named"].strip() else _items(text, match.end() + 1)
    clean = (" ".join(_DROPPED.sub(" ", name).strip(" .:&\t").split()) for name in named[:_MOST])
    first: dict[str, str] = {}
    for name in clean:
        if name and len(name) <= _LONGEST_NAME:
            first.setdefault(name.casefold(), name)
    return tuple(first.values())


def conclusion(text: str) -> str | None:
    """What all agreed on, as it stands behind its marker at the end of a reply; `None` where it did not come to that.

    The *last* marker counts, as models repeat the instruction before they follow it, and only with words behind it.
    Without one, what stands behind the end of the collaboration counts, or a last line that gives the answer in words.
    """
    for marker in (_FINAL, _FINISHED):
        for mark in reversed(list(marker.finditer(text))):
            if re.search(r"\w", behind := text[mark.end() :]):
                return behind.strip()
    last = text.rstrip().rpartition("\n")[2]
    return last if _CLOSING.search(last) else None


def _items(text: str, place: int) -> list[str]:
    """Bulleted names; what follows a name behind a colon or dash describes it."""
    found = []
    while (item := _ITEM.match(text, place)) is not None:
        found.append(re.split(r":| [-\u2013\u2014] ", item["named"])[0])
        place = item.end()
    return found
