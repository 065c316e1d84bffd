"""Counts with the word for what is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def counted(number: object, one: str, many: str = "", write: Callable[[Any], str] = str) -> str:
    """`1 call`, `2 calls`, `1 reply`, `0 replies`.

    Args:
        number: a number, or what stands for one that is not known.
        one: the word for one thing.
        many: that for several; by default with an s.
        write: how the number is written, which decides whether it is one: 1.2 as `1` is.
    """
    written = write(number)
    return f"{written} {one if written == '1' else many or f'{one}s'}"
