"""The running text of a prompt: what it says itself, without lists of observations, steps and the like."""

from __future__ import annotations

import re

_LISTED = re.compile(
    r"^[ \t]*(?:\(?\d{1,3}[.)]|[-*\u2022]|(?:Step|Observation|Clue)[ \t]+\d{1,3}[.:])[ \t]"
    r"(?![^\n]*\b(?:approach|persona)\b)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line of a list, unless it names an approach or a persona."""


def lists(text: str) -> bool:
    """Whether there is a list in the text: steps of a plan, observations."""
    return _LISTED.search(text) is not None


def prose(text: str) -> str:
    """The text without lines that are items of a list, so that prompts of one template have the same prose."""
    return re.sub(r"\n{2,}", "\n\n", _LISTED.sub("", text)).strip()
