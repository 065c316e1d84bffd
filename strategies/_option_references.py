"""Options of a multiple-choice question that speak of other options, so that they cannot stand just anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.types import LETTERS, Problem

_OTHERS = "above|below|these|those|them|following|preceding|previous|foregoing|others?|options?|choices|answers"
_SET = re.compile(
    rf"\b(?:all|none|any|both|neither|either|each|some|most|one|two|three|which) of (?:the )?(?:{_OTHERS})\b"
    r"|\b(?:all|none|any|both|neither|either) (?:the )?(?:above|below|these|those)\b"
    r"|\b(?:all|no|both|other|another|listed|given) (?:the )?(?:other )?(?:options?|answers?|choices?|alternatives?)\b"
    r"|\b(?:options?|answers?|choices?|statements?) (?:above|below)\b"
    r"|\b(?:all|none|both|neither|either)\b.{0,24}\b(?:correct|incorrect|true|false|right|wrong|apply|applies)\b"
    r"|^\W*(?:all|none|both|neither|either|any)\W*$",
    re.IGNORECASE,
)
"""Words for a set of options: `all of the above`, `none of these`, `neither is true`."""
_PLACE = re.compile(
    r"\b(?:first|second|third|fourth|last|previous|preceding|next)\b[^.]{0,12}\b(?:options?|answers?|choices?)\b",
    re.IGNORECASE,
)
"""Words for where an option stands."""
_LETTER = re.compile(r"(?<!\w)[A-Z](?!\w)")
_LIST = re.compile(
    r"(?<!\w)[A-Z]\)?(?:(?:\s*,\s*(?:(?:and|or|nor)\s+)?|\s*&\s*|\s+(?:and|or|nor|and/or)\s+)\(?[A-Z](?!\w)\)?)+"
)
_NAMED = re.compile(
    r"\b[Oo]ptions? \(?[A-Z](?![\w'])"
    r"|\b(?:[Bb]oth|[Nn]either|[Ee]ither|[Oo]nly|(?:[Aa]nswer|[Cc]hoice)s?) (?:\([A-Z]\)|[A-Z](?![\w'])(?! [a-z]))"
)
_ALONE = re.compile(r"^\W*[A-Z]\)? only\W*$")
"""Ways to name options by their letters: `both A and B`, `(A), (C)`, `option B`, `C only`."""


@dataclass(frozen=True, slots=True)
class Freedom:
    """Which options of a question may change places: those of one group among themselves."""

    groups: tuple[tuple[int, ...], ...]
    """Numbers of options, from 0."""


def freedom(problem: Problem) -> Freedom:
    """How the options of a question may be put in another order without a change of what they say.

    An option that names others by letter stays where it is, and so do those that it names. One that speaks of a set
    (`all of the above`, `none of these`) stays too, with the same options above it and below it. Nothing moves where an
    option or the question names a place, or the question lists the options itself.
    """
    options = problem.options
    if _told_in(problem) or any(map(_PLACE.search, options)):
        return Freedom(())
    sets = [i for i, option in enumerate(options) if _SET.search(option)]
    named = {j for i, option in enumerate(options) for j in _named(option, i, len(options))}
    walls = [-1, *sets, len(options)]
    spans = (range(low + 1, high) for low, high in pairwise(walls))
    groups = (tuple(i for i in span if i not in named) for span in spans)
    return Freedom(tuple(group for group in groups if len(group) > 1))


def _named(option: str, own: int, count: int) -> set[int]:
    """The option itself and those that it names, if it names any."""
    found = _letters(option, (_LIST, _NAMED, _ALONE), count)
    return found | {own} if found else set()


def _letters(text: str, forms: Sequence[re.Pattern[str]], count: int) -> set[int]:
    """The options that a text names in one of these forms."""
    letters = {letter for form in forms for match in form.finditer(text) for letter in _LETTER.findall(match[0])}
    return {place for letter in letters if (place := LETTERS.index(letter)) < count}


def _told_in(problem: Problem) -> bool:
    """Whether the text of the question speaks of letters: it names an option, or lists them itself."""
    text, options = problem.prompt, problem.options
    if not options or _letters(text, (_NAMED,), len(options)):
        return bool(options)
    first = re.escape(options[0].strip())
    return re.search(rf"^\W*A\W+{first}|(?<!\w)A[).:\]]+\s*{first}", text, re.MULTILINE) is not None
