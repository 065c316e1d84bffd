"""Processes that a test has started: how many there are, and which."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from .host import descendants

_PATIENCE = 20.0
"""Seconds in which they have to become as many as they should be, on a busy machine."""


class Started:
    """Processes below this one that were not there before."""

    def __init__(self) -> None:
        self._before = set(descendants())

    def pids(self) -> set[int]:
        """Dead ones that nobody has waited for included."""
        return set(descendants()) - self._before

    async def are(self, number: int) -> bool:
        """Whether they are so many, or become so many in a while."""
        return await self._become(lambda found: found == number)

    async def are_at_most(self, number: int) -> bool:
        """Whether they are no more, or become no more in a while."""
        return await self._become(lambda found: found <= number)

    async def _become(self, right: Callable[[int], bool]) -> bool:
        end = time.monotonic() + _PATIENCE
        while not right(len(self.pids())):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.01)
        return True
