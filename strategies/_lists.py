"""Lists of short texts, read out of replies however they are written; nothing is evaluated."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_LONGEST = 100_000
_MOST_TRIES = 50
"""Brackets looked at, so that a reply of thousands of them costs no more than one pass."""

_DECODER = json.JSONDecoder(strict=False)
_FENCED = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n(.*?)(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)
_NAMED = r"(?:observation|hint|insight|property|fact|item)\s*#?\d{1,3}"
_MARKERS = {
    "number": re.compile(r"^(\s*)(?:[*_]{2})?[(\[]?\d{1,3}[.):\]](?:[*_]{2})?\s+(\S.*)$"),
    "heading": re.compile(r"^(\s*)(?:#{1,6}\s+(\S.*)|(?:\*\*|__)(\S.*))$"),
    "bullet": re.compile(r"^(\s*)[-*+\u2022\u2023\u00b7\u2013\u2014]\s+(\S.*)$"),
    "letter": re.compile(r"^(\s*)\(?[A-Za-z][.)]\s+(\S.*)$"),
    "quoted": re.compile(r"^(\s*)[\"'\u201c](\S.*?)[\"'\u201d],?\s*$"),
    "named": re.compile(rf"^(\s*)({_NAMED}\s*[.:)\u2013\u2014-]\s*\S.*)$", re.IGNORECASE),
}
_NAME = re.compile(rf"^{_NAMED}\s*(?:[.:)\u2013\u2014-]\s*|$)", re.IGNORECASE)
_MARK = re.compile(r"^(?:\d{1,3}[.)]|[-*+\u2022])\s+")
_WORDS = re.compile(r"\w+|[^\w\s.,;:!?\"'`*\u2018\u2019\u201c\u201d]")
_EMPHASIS = re.compile(r"\*\*|__")
_PAIRS = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u00ab": "\u00bb"}
_REFUSAL = re.compile(
    r"^\W*(?:(?:i['\u2019]?m|i am) (?:very |so |really )?(?:sorry|unable|not able|afraid)"
    r"|(?:sorry|my apologies|apologies)\b|as an ai\b|i must decline\b"
    r"|(?:unfortunately,? )?i (?:can['\u2019]?t|cannot|can not|won['\u2019]?t|will not) "
    r"(?:help|assist|comply|provide|answer|do|fulfil|continue|discuss|create|write|solve|give|see|find|support)\b)",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 400


def read_list(text: str) -> list[str] | None:
    """The items of a list in a reply, each on one line, without doubles; `None` where the reply holds no list.

    A JSON or Python list of strings anywhere in it, else lines that are numbered, bulleted, quoted or under headings;
    what stands before the list is left out, indented lines belong to the item above. Items that are refusals or dots
    only are no items. A list may be empty where it is written as one.
    """
    text = text[:_LONGEST]
    found = next(_literal_lists(text), None)
    if found is None:
        found = _lines(text) or [""]
    return distinct(filter(_says_something, map(_clean, found))) or (None if found else [])


def declines(text: str) -> bool:
    """Whether a reply says nothing: it is blank, or a short refusal."""
    return not _says_something(text.strip())


def bulleted(items: Iterable[str]) -> str:
    """The items as they stand in a prompt, one a line."""
    return "\n".join(f"- {item}" for item in items)


def distinct(items: Iterable[str]) -> list[str]:
    """The items in their order, of those that `gist` makes equal the first."""
    first: dict[str, str] = {}
    for item in items:
        first.setdefault(gist(item), item)
    return list(first.values())


def gist(item: str) -> str:
    """What items that say the same share: the words, whatever the case and the marks around them."""
    return " ".join(_WORDS.findall(item.casefold())) or item


# -- JSON and Python ----------------------------------------------------------------------


def _literal_lists(text: str) -> Iterator[list[str]]:
    """Lists written as in JSON or Python, the likeliest first; of several in running text the last."""
    for whole in (*reversed(_FENCED.findall(text)), text):
        if (found := _strings(_parsed(whole.strip()))) is not None:
            yield found
    yield from reversed(list(_inside(text)))


def _inside(text: str) -> Iterator[list[str]]:
    """Lists in running text: each begins a line or holds sentences, unlike those that examples are written with."""
    place = 0
    for _ in range(_MOST_TRIES):
        start = text.find("[", place)
        if start < 0:
            return
        own_line = not text[text.rfind("\n", 0, start) + 1 : start].strip()
        value, place = _parsed_at(text, start, own_line)
        found = _strings(value)
        if found and (own_line or all(item.count(" ") > 1 for item in found)):
            yield found


def _parsed(text: str) -> object:
    try:
        value: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return _python(text)
    return value


def _parsed_at(text: str, start: int, own_line: bool) -> tuple[object, int]:
    """The list that begins at `start`, and where to look for the next one."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        # Where a Python list ends only its parser knows: tried up to the last bracket.
        return (_python(text[start : text.rfind("]") + 1]) if own_line else None), start + 1
    return value, end


def _python(text: str) -> object:
    if not text.startswith(("[", "(", "{")):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value


def _strings(value: object) -> list[str] | None:
    """The strings of a list, of a list of objects with one text each, or of an object that holds one list."""
    match value:
        case dict() if len(lists := [one for one in value.values() if isinstance(one, list)]) == 1:
            return _strings(lists[0])
        case list() | tuple():
            texts = [_text(item) for item in value]
            strings = [one for one in texts if one is not None]
            return strings if len(strings) == len(texts) else None
    return None


def _text(item: object) -> str | None:
    match item:
        case str():
            return item
        case dict():
            texts = [one for one in item.values() if isinstance(one, str)]
            return max(texts, key=len) if texts else None
    return None


# -- lines --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marked:
    """A line that begins an item."""

    kind: str
    indent: int
    line: int
    text: str


def _lines(text: str) -> list[str] | None:
    lines = _FENCE.sub("", text).splitlines()
    marked = [found for number, line in enumerate(lines) if (found := _marked(line, number)) is not None]
    if not marked:
        return None
    kind = _kind(marked)
    same = [one for one in marked if one.kind == kind]
    outer = min(one.indent for one in same)
    starts = [one for one in same if one.indent == outer]
    if kind == "quoted" and len(starts) == 1:
        return None
    ends = [*(one.line for one in starts[1:]), len(lines)]
    return [_joined(one, lines[one.line + 1 : end], kind) for one, end in zip(starts, ends, strict=True)]


def _marked(line: str, number: int) -> _Marked | None:
    for kind, marker in _MARKERS.items():
        if match := marker.match(line):
            return _Marked(kind, len(match[1].expandtabs()), number, next(filter(None, match.groups()[1:])))
    return None


def _kind(marked: Sequence[_Marked]) -> str:
    """The marks that the list is written with: those that it begins with, unless they come but once."""
    counts = {one.kind: sum(other.kind == one.kind for other in marked) for one in marked}
    first = marked[0].kind
    return first if counts[first] > 1 else max(counts, key=lambda kind: (counts[kind], kind != "heading"))


def _joined(first: _Marked, rest: Sequence[str], kind: str) -> str:
    """An item with the lines that continue it: up to a blank line, under a heading up to the second one."""
    parts = [_NAME.sub("", _EMPHASIS.sub("", first.text).strip())]
    blanks = 0
    for line in rest:
        if not line.strip():
            blanks += 1
        elif blanks > (kind == "heading") and not line[:1].isspace():
            break
        else:
            parts.append(line.strip())
    return " ".join(parts)


def _clean(item: str) -> str:
    """One line without the marks around it."""
    text = _EMPHASIS.sub("", " ".join(item.split()))
    text = _NAME.sub("", _MARK.sub("", text)).strip()
    text = text.removesuffix(",").strip()
    while len(text) > 1 and _PAIRS.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _says_something(text: str) -> bool:
    if not any(char.isalnum() for char in text):
        return False
    return len(text) > _LONGEST_REFUSAL or _REFUSAL.match(text) is None
