"""Names of approaches and personas, read out of replies that keep to a form, and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_LONGEST = 80
"""Characters of a name; what is longer is an explanation."""
_MARKS = r"[ \t>*_#`-]*"
_TAIL = re.compile(r"\s+[-\u2013\u2014]+\s.*$|:\s.*$|\s*\((?:[^()]*)\)\s*$")
"""An explanation behind the name."""
_BLANK = re.compile(r"<.*>|\[.*\]|\.{2,}|\u2026|(?:the |its )?(?:short )?name\b.*|who", re.IGNORECASE)
"""The form itself, repeated."""
_LEADING = re.compile(r"^(?:(?:use|using|by|via|through|with|apply|applying|a|an|the)\s+)+")
_TRAILING = re.compile(r"(?:\s+(?:methods?|approach(?:es)?|techniques?|strategy|strategies))+$")


def names_in(text: str, word: str, most: int) -> list[str]:
    """The names on lines of the form `WORD 1: name`, without doubles; any other line is passed over."""
    line = re.compile(rf"^{_MARKS}{word}\s*#?\d{{1,2}}{_MARKS}[:.)]{_MARKS}(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
    found: dict[str, str] = {}
    for each in line.findall(text):
        if name := _clean(each):
            found.setdefault(same(name), name)
    return list(found.values())[:most]


def same(name: str) -> str:
    """What names of one approach share: the words, without articles, "method" and plural endings."""
    words = _TRAILING.sub("", _LEADING.sub("", " ".join(re.findall(r"\w+", name.casefold()))))
    return " ".join(
        word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] != "s" else word for word in words.split()
    )


def most_frequent(replies: Iterable[Iterable[str]], most: int) -> list[tuple[str, int]]:
    """The approaches that most replies name, with how many; of equals the one that was named first.

    Each is called as it is called most often.
    """
    spellings: dict[str, Counter[str]] = {}
    for names in replies:
        for name in names:
            spellings.setdefault(same(name), Counter())[name] += 1
    counted = [(spelled.most_common(1)[0][0], spelled.total()) for spelled in spellings.values()]
    return sorted(counted, key=lambda pair: -pair[1])[:most]


def _clean(name: str) -> str:
    """The name alone; empty where there is none, or none that is short."""
    text = re.sub(r"\*\*|__|`", "", name)
    text = _TAIL.sub("", text).strip(" \t*_\"'\u201c\u201d.,;:")
    return "" if _BLANK.fullmatch(text) or len(text) > _LONGEST or not same(text) else text
