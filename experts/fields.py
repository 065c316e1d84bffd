"""Reading what servers returned, whether a client library made objects of it or it is plain JSON."""

from __future__ import annotations

from typing import Any


def field(holder: Any, name: str) -> Any:
    """A field of an object or a dict; `None` where it is not there."""
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)


def needed(holder: Any, name: str) -> Any:
    """A field that must be there.

    Raises:
        KeyError, AttributeError: it is not.
    """
    return holder[name] if isinstance(holder, dict) else getattr(holder, name)
