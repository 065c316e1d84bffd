"""Keeping Python's collector of cycles away from work that makes very many objects and no cycle."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """While inside, cycles are not looked for: going through all that was made so far, again and again, takes a fourth
    of the time of an import, and half of the time in which a long body of JSON is read. Must not await."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
