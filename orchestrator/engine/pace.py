"""Requests at an even pace, and never more than a server counts as its limit."""

from __future__ import annotations

import asyncio
from typing import Protocol

from .spacing import Spacing, due_together

_SPREAD = 0.05
"""Seconds by which a call may reach the server later than another that left with it: every period is longer by so
much, or by this share where it is shorter than a second."""


_USED = 0.99
"""Share of the permits that groups use at the least."""
_POLL = 0.01
"""Seconds after which the log is asked again."""


class _Log(Protocol):
    async def acquire(self) -> None: ...


class Pace:
    """At most `rpm` requests in any minute, and where that is more than one a second, evenly in any second too.

    Whoever queues looks at `opens_at`. asyncio-throttle's log stands behind it, where calls really leave: what a busy
    machine or a slow disk brought together is taken apart again. Times are those of the running loop.
    """

    def __init__(self, rpm: float) -> None:
        from asyncio_throttle.throttler import Throttler

        permits = max(1, int(rpm // 60))
        # So many periods fill a minute that no 60 s ever see more than `rpm`, even if `permits` does not divide it.
        period = 60 / (rpm // permits) if rpm >= 1 else 60 / rpm
        spread = _SPREAD * min(1.0, period)
        self._log: _Log = Throttler(permits, period + 0.8 * spread, _POLL)
        self._turn = asyncio.Lock()
        together = _together(permits, period + spread)
        self._spacing = Spacing((period + spread) / (permits // together * together), together)

    def opens_at(self, now: float) -> float:
        """When the next request may leave; a time that has passed means now."""
        return self._spacing.opens_at(now)

    def take(self, now: float) -> None:
        """A request is on its way."""
        self._spacing.take(now)

    async def leave(self) -> None:
        """Returns when a request that was taken may be sent, which is at once unless others were late."""
        async with self._turn:
            clock = asyncio.get_running_loop().time
            start = clock()
            await self._log.acquire()
            if (held := clock() - start) >= _POLL:
                self._spacing.held(held)


def _together(permits: int, period: float) -> int:
    """How many leave at once: whole groups use nearly all permits of a period, so that the log, which knows nothing of
    groups, holds none of them up."""
    most = min(permits, due_together(period / permits))
    return next(number for number in range(most, 0, -1) if permits // number * number >= _USED * permits)
