"""Keywords out of replies, and which of them are kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

PREFIX = "Keywords:"
"""What a reply is asked to begin its keywords with."""
LONGEST = 20
"""Characters of a keyword; longer ones are no keywords but sentences."""

_PREFIX = re.compile(r"[*_`]*\b(?:key ?words?|skills?)\b[*_`]*[ \t]*[:=][*_`]*", re.IGNORECASE)
_MARK = re.compile(r"^(?:[-*+\u2022]|\(?\d{1,2}[.)])\s+")
_AROUND = " \t\r\n\"'`*_[](){}<>\u201c\u201d\u2018\u2019:!?"


def keywords_in(text: str, longest: int = LONGEST) -> list[str]:
    """The keywords of a reply, as it has them after the last `Keywords:`, in lower case and without full stops.

    They are split at commas; lines of a list are keywords too. Each counts once a reply, and longer ones are dropped. A
    reply without the word has its keywords in its last line.
    """
    *_, rest = _PREFIX.split(text)
    rest = rest.strip() if _PREFIX.search(text) else text.strip().rpartition("\n")[2]
    return tidied(re.split(r"[,;\n]", _block(rest)), longest)


def tidied(items: Iterable[str], longest: int = LONGEST) -> list[str]:
    """Keywords as they are compared, each once: those that hold a letter or digit and are short enough."""
    found = (" ".join(_MARK.sub("", item.strip()).strip(_AROUND).lower().replace(".", "").split()) for item in items)
    return list(dict.fromkeys(one for one in found if 0 < len(one) <= longest and any(map(str.isalnum, one))))


def kept(passes: Sequence[Sequence[str]], least: int) -> tuple[str, ...]:
    """The keywords that come in at least so many passes, most frequent first, then in the order of their first pass."""
    counts = Counter(keyword for keywords in passes for keyword in dict.fromkeys(keywords))
    return tuple(sorted((one for one, count in counts.items() if count >= least), key=lambda one: -counts[one]))


def _block(text: str) -> str:
    """The first line, or where it is one of a list, the lines of that list."""
    lines = text.splitlines()
    marked = [bool(_MARK.match(line.strip())) for line in lines]
    if not lines or not marked[0]:
        return lines[0] if lines else ""
    end = next((i for i, one in enumerate(marked) if not one), len(lines))
    return "\n".join(lines[:end])
