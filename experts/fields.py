"""Reading what servers returned, whether a client library made objects of it or it is plain JSON."""

from __future__ import annotations

from typing import Any

_NONSENSE = 1e12
"""Tokens that no call has."""


def field(holder: Any, name: str) -> Any:
    """A field of an object or a dict; `None` where it is not there."""
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)


def needed(holder: Any, name: str) -> Any:
    """A field that must be there.

    Raises:
        KeyError, AttributeError: it is not.
    """
    return holder[name] if isinstance(holder, dict) else getattr(holder, name)


def counted(holder: Any, name: str) -> int:
    """A number of tokens that a server tells; 0 where it tells none, or nonsense."""
    value = None if holder is None else field(holder, name)
    return int(value) if isinstance(value, int | float) and 0 < value < _NONSENSE else 0
