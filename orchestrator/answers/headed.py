"""Finding the few places of a long text at which a pattern may begin, before trying it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_FOLDED_OTHERWISE = re.compile("[\u0130\u0131\u017f\u212a]")
"""Letters that a pattern takes for plain ones when it ignores case, and `str.lower` does not."""


def headed(pattern: re.Pattern[str], text: str, heads: Sequence[str]) -> Iterator[re.Match[str]]:
    """What `pattern.finditer(text)` finds, in a tenth of the time where heads are rare.

    Args:
        pattern: ignores case; whatever it matches begins with one of `heads`.
        heads: in lower case.
    """
    if not text.isascii() and _FOLDED_OTHERWISE.search(text):
        yield from pattern.finditer(text)
        return
    folded, end = text.lower(), 0
    for at in sorted(place for head in heads for place in _places(folded, head)):
        if at >= end and (match := pattern.match(text, at)):
            yield match
            end = match.end()


def _places(text: str, head: str) -> Iterator[int]:
    at = text.find(head)
    while at >= 0:
        yield at
        at = text.find(head, at + 1)
