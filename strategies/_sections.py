"""Sections of a reply, each labelled with the number of its approach."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LABEL = re.compile(
    r"^[ \t>*_#\[(`-]*approach[ \t]*#?(?P<number>\d{1,2})(?=[ \t]*(?:[:.()\[\]*_`-]|[\u2013\u2014]|$))[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_FENCED = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_SUMMARY = re.compile(
    r"^[ \t>*_#-]*(?:(?:in )?(?:summary|conclusion)\b|overall\b|to (?:sum up|conclude)\b|compar(?:ing|ison)\b"
    r"|(?:since |as )?(?:all|both|most) (?:of )?(?:the |these )?(?:\w+ )?(?:approaches|sections|methods)\b"
    r"|(?:majority|consensus)\b)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""How a reply goes on when it leaves its sections to speak of them all."""

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t*_]*(?:final|overall)\b[^\n]*$", re.IGNORECASE | re.MULTILINE)
"""A heading such as `## Final answer`."""


def sections(text: str, count: int, *, whole: bool = True) -> list[tuple[int, str]]:
    """The sections under labels such as `Approach 2 (Algebra):`, as number and text, by number.

    Labels inside fenced blocks are comments of programs. Of several sections with one number the longest counts, as the
    approaches may be listed before or after; numbers above `count` were not asked for. What is said at the end about
    all of the approaches belongs to no section, nor does a final answer that only the last one would have, under a
    heading as high as that section's own.

    Args:
        whole: the reply came to its end; else its last section did not, and is left out.
    """
    plain = _FENCED.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    labels = list(_LABEL.finditer(plain))
    ends = [*(label.start() for label in labels[1:]), len(text)][: len(labels)]
    found: dict[int, str] = {}
    if len(labels) > 1:
        ends[-1] = _end_of_last(plain, labels)
    for label, end in list(zip(labels, ends, strict=True))[: None if whole else -1]:
        summary = _SUMMARY.search(plain, label.end(), end)
        body = text[label.end("number") : summary.start() if summary else end].lstrip(" \t\n:)]*_").rstrip()
        number = int(label["number"])
        if 1 <= number <= count and len(body) > len(found.get(number, "")):
            found[number] = body
    return sorted(found.items())


def _end_of_last(text: str, labels: Sequence[re.Match[str]]) -> int:
    """Where the last section ends: before a heading for the final answer of the whole reply, if there is one."""
    level = labels[-1][0].lstrip().partition(" ")[0].count("#") or 6
    heading = _HEADING.search(text, labels[-1].end())
    if heading is None or len(heading[1]) > level or _HEADING.search(text, labels[0].end(), labels[-1].start()):
        return len(text)
    return heading.start()
