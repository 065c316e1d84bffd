"""What readers of several kinds look for in a reply: a boxed answer, a JSON field, the last line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import blake2b

from ..types import Json
from .headed import headed

_FIELD = re.compile(r'["“”\'](?:final[ _]?)?answer["“”\']\s*:\s*', re.IGNORECASE)
_FIELD_HEADS = tuple(quote + word for quote in "\"“”'" for word in ("answer", "final"))
_DECODER = json.JSONDecoder(strict=False)
_PLACEHOLDER = re.compile(r"_{2,}|\.{3}|…")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:[,}]|$)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as shown, and the key that equal answers share."""

    value: str
    key: str


_LONGEST_KEY = 200
_LONGEST_LINE = 5000
_MOST_TRIES = 50
"""Boxes or fields looked at from the end, so that a reply of thousands of them costs no more than one pass."""


def digested(key: str) -> str:
    """The key itself, or a digest of it when it is long."""
    if len(key) <= _LONGEST_KEY:
        return key
    return "digest:" + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def last_line(text: str) -> str:
    """The last line that is not blank, stripped, of a very long one the end; empty when there is none."""
    return text.rstrip()[-_LONGEST_LINE:].rpartition("\n")[2].strip()


def boxed(text: str) -> str | None:
    r"""What stands in the last balanced `\boxed{...}` or `\fbox{...}`."""
    end = len(text)
    for _ in range(_MOST_TRIES):
        start = max(text.rfind("\\boxed", 0, end), text.rfind("\\fbox", 0, end))
        if start < 0:
            return None
        brace = text.find("{", start)
        if brace >= 0 and text[start:brace].strip() in ("\\boxed", "\\fbox"):
            close = closing(text, brace)
            if close is not None:
                return text[brace + 1 : close].strip()
        end = start
    return None


def closing(text: str, start: int) -> int | None:
    """Where the brace opened at `start` is closed; escaped braces do not count."""
    depth, i, n = 0, start, len(text)
    while i < n:
        char = text[i]
        if char == "\\":
            i += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return i
        i += 1
    return None


def json_field(text: str) -> Json:
    """The value of the last field called `answer` or `final_answer`, also inside JSON that does not parse as a whole.

    Placeholders of a repeated instruction (`"___"`) are passed over. A string that is cut, or holds quotes of its own,
    is taken up to the last quote of the reply. `None`: no such field.
    """
    for field in list(headed(_FIELD, text, _FIELD_HEADS))[: -_MOST_TRIES - 1 : -1]:
        value = _decoded(text, field.end())
        if not (isinstance(value, str) and _PLACEHOLDER.fullmatch(value)):
            return value
    return None


def _decoded(text: str, start: int) -> Json:
    try:
        value: Json = _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return _broken(text[start:])
    return value


def _broken(rest: str) -> str | None:
    match = _STRING.match(rest)
    if match:
        return match[1]
    body = rest.strip().rstrip("`").rstrip().removesuffix("}").rstrip().removesuffix(",").rstrip()
    if body.startswith('"'):
        body = body[1:].removesuffix('"')
    return body or None
