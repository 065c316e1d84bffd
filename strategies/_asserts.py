"""Finds assert statements in what a model wrote, by their text alone: nothing here is parsed, compiled or run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

LONGEST = 2000
"""Characters of a statement; longer ones are left out."""

_LONGEST_TEXT = 100_000
_START = re.compile(r"^[ \t]*(?:(?:[-*\u2022]|\d{1,3}[.):]|>>>)[ \t]*)?(`*)(assert)(?=[ \t(\[\n\\]|$)", re.MULTILINE)
_PART = re.compile(
    r"(?P<string>\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<joined>\\\r?\n)|(?P<end>[\n;])|(?P<comment>#[^\n]*)"
    r"|(?P<quote>[\"'])|(?P<other>[^\"'()\[\]{}\\\n;#]+|\\)",
    re.DOTALL,
)


def asserts_in(text: str, entry: str | None = None) -> list[str]:
    """The assert statements of a text in order, one line of source each where they were one.

    Args:
        entry: a name that they must use; without it they must call anything.
    """
    called = re.compile(rf"\b{re.escape(entry)}\b" if entry else r"[A-Za-z_]\w*\s*\(")
    return [statement for statement in _statements(text[:_LONGEST_TEXT]) if called.search(statement, len("assert"))]


def _statements(text: str) -> Iterator[str]:
    starts = list(_START.finditer(text))
    for start, after in zip_longest(starts, starts[1:]):
        # No statement goes on past the line that begins the next one.
        body = text[start.end() : after.start() if after else len(text)].lstrip()
        if start[1]:
            body = body.partition("`")[0]
        statement = _first(body[: LONGEST + 1])
        if statement and len(statement) <= LONGEST:
            yield f"assert {statement}"


def _first(text: str) -> str | None:
    """The text up to where its first statement ends; `None` where it is broken off."""
    depth, kept = 0, []
    for part in _PART.finditer(text):
        match part.lastgroup:
            case "open":
                depth += 1
            case "close":
                depth -= 1
            case "quote":
                return None
            case "end" if depth <= 0:
                break
            case "comment":
                continue
        if depth < 0:
            return None
        kept.append(part[0])
    return None if depth > 0 else "".join(kept).strip()
