"""What prompts share: beginnings of conversations, and what a provider does with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Mark(NamedTuple):
    """A place in a conversation at which its text is cut, and up to which a provider may be asked to keep it."""

    message: int
    """Number of the message."""
    end: int
    """Characters of its text that are before it, about: words stay whole."""
    kept: bool = True
    """Whether what is before it is to be kept. Providers compare pieces, so that whoever shares them cuts alike."""


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """How a provider keeps the beginnings of prompts, so that whoever sends the same again pays less."""

    least: int = 2048
    """Tokens of the shortest beginning that is worth a call that goes before the others."""
    seconds: float = 300.0
    """How long what was asked is kept, at the least."""
    marked: bool = False
    """Whether only what is marked is kept, and that for a price of its own."""
