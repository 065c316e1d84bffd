"""Reads a short answer in words; the key forgets case, punctuation and articles.

The first of these that the reply has: a JSON field `answer`, the last line "Final answer: ...", the last phrase "the
answer is ..." or line "Answer: ...", else the whole reply. `meta["answer_format"]` makes exceptions of two:

- "python literal": answers are literals and the key is their value (see `literals`);
- "passage": the answer is all that stands behind the last "Final answer:" with words behind it, and a reply without one
  abstains, as plans and drafts are no passage.
"""

from __future__ import annotations

import re
import unicodedata

from ..types import Problem, canonical
from .literals import literal_key, literals_equal
from .phrases import Reading, digested, json_field

_CLOSING = r"(?:\*\*|__|[*_`])?[ \t]*"
_FINAL = re.compile(rf"\bfinal answer\b[*_` ]*(?:is\b[*_` ]*:?|:){_CLOSING}", re.IGNORECASE)
_MARKER = re.compile(
    r"\bthe (?:correct |right )?answer (?:to [^\n.:]{1,60} )?(?:is\b|would be\b)[*_` ]*:?[ \t]*"
    rf"|^[*_# \t]*answer[*_ ]*:{_CLOSING}",
    re.IGNORECASE | re.MULTILINE,
)
_EMPHASIS = re.compile(r"^(\*\*|__|[*_`\"\u201c\u201d'\u2018\u2019$])(.*)\1$", re.DOTALL)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_PUNCTUATION = re.compile(r"[^\w\s.,%+-]|(?<!\d)[.,]|[.,](?!\d)|[-+](?!\d)|(?<=\w)[-+]")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def read(problem: Problem, text: str) -> Reading | None:
    """The answer as written; an empty reply abstains."""
    if not text.strip():
        return None
    if problem.meta.get("answer_format") == "passage":
        return _passage(text)
    if _literal(problem):
        value = _value(text, literal=True)
        return Reading(value if value.strip() else repr(value), literal_key(value))
    value = _value(text, literal=False).strip()
    return Reading(value, key(value)) if value else None


def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether both are one literal, or one text but for case, punctuation and articles."""
    return literals_equal(reference, value) if _literal(problem) else key(reference) == key(value)


def key(value: str) -> str:
    """The text without case, punctuation and articles; a digest when it is long."""
    folded = unicodedata.normalize("NFKC", value).casefold()
    words = _PUNCTUATION.sub(" ", _THOUSANDS.sub("", folded))
    return digested(" ".join(_ARTICLES.sub(" ", words).split()) or " ".join(folded.split()))


def breaks_off(problem: Problem, text: str) -> bool:
    """Whether a reply that was cut is prose that ends in the middle: nothing in it is marked as its answer."""
    if problem.kind != "text" or _literal(problem) or json_field(text) is not None:
        return False
    return not any(marker.search(text) for marker in (_FINAL, _MARKER))


def _passage(text: str) -> Reading | None:
    for match in reversed(list(_FINAL.finditer(text))):
        value = text[match.end() :].strip()
        if re.search(r"\w", value):
            return Reading(value, key(value))
    return None


def _literal(problem: Problem) -> bool:
    return problem.meta.get("answer_format") == "python literal"


def _value(text: str, *, literal: bool) -> str:
    field = json_field(text)
    if isinstance(field, str):
        return field
    if field is not None:
        return repr(field) if literal else canonical(field).decode()
    for marker in (_FINAL, _MARKER):
        matches = list(marker.finditer(text))
        if matches:
            return _bare(text[matches[-1].end() :].lstrip().partition("\n")[0], literal)
    return text.strip()


def _bare(line: str, literal: bool) -> str:
    line = _ended(line.strip())
    while (match := _EMPHASIS.match(line)) and not (literal and line[0] in "'\""):
        line = _ended(match[2].strip())
    return line


def _ended(line: str) -> str:
    return line[:-1] if line.endswith(".") and not line.endswith("..") else line
