"""What prompts share: beginnings of conversations, and what a provider does with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Mark(NamedTuple):
    """A place in a conversation up to which a provider is asked to keep it."""

    message: int
    """Number of the message."""
    end: int
    """Characters of its text that belong to what is kept; all of them, or up to the end of a line if there is one."""


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """How a provider keeps the beginnings of prompts, so that whoever sends the same again pays less."""

    least: int = 2048
    """Tokens of the shortest beginning that is worth a call that goes before the others."""
    seconds: float = 300.0
    """How long what was asked is kept, at the least."""
    marked: bool = False
    """Whether only what is marked is kept, and that for a price of its own."""
