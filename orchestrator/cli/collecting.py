"""How often Python looks for objects that hold on to each other and that nobody else needs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OFTEN = 10_000
"""Objects that are made and not given back before it looks; 700 is what Python begins with."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """While inside, it looks less often, and never at what there was before.

    A call makes some hundred objects and leaves hardly any cycle; to look for them as often as Python begins with takes
    a fifth of a long run's time. What is loaded by now stays: going through it would hold up all calls for a tenth of a
    second.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OFTEN, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
