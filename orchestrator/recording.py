"""Recorded completions: how one is put behind the prompt that it completes, by the note that stands beside it.

Such a note reads `completion of meta.KEY` or `completion of meta.KEY, cut at the first of "\\nclass" "\\ndef"`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_NOTE = re.compile(r"completion of meta\.(?P<key>\w+)(?:, cut at the first of (?P<stops>(?:\"[^\"]+\"[ ,]*)+))?")


@dataclass(frozen=True, slots=True)
class Joining:
    """What a note says about completions."""

    key: str
    """Name of the prompt in the problem's meta."""
    stops: tuple[str, ...] = ()
    """A completion ends before the first of these."""

    @classmethod
    def of(cls, note: str) -> Joining | None:
        """`None` where the note does not speak of a completion: the text stands for itself.

        Raises:
            ValueError: a stop is no JSON string.
        """
        match = _NOTE.match(note)
        if match is None:
            return None
        return cls(match["key"], tuple(json.loads(stop) for stop in re.findall(r'"[^"]+"', match["stops"] or "")))

    def joined(self, prompt: str, text: str) -> str:
        """The prompt with the completion behind it."""
        return prompt + text[: min((at for stop in self.stops if (at := text.find(stop)) >= 0), default=len(text))]
