"""Requests at an even pace, and never more than a server counts as its limit."""

from __future__ import annotations

import asyncio
from typing import Protocol

_SPREAD = 0.02
"""Seconds by which a call may reach the server later than another that left with it: every period is longer by so
much, or by this share where it is shorter than a second."""
_GROUP = 0.02
"""Seconds: permits that are due within them come together, as a timer for each would cost more than the calls."""
_LATE = 0.2
"""Seconds by which a pace that fell behind its timers may be made up for."""


class _Log(Protocol):
    async def acquire(self) -> None: ...


class Pace:
    """At most `rpm` requests in any minute, and where that is more than one a second, evenly in any second too.

    Whoever queues looks at `opens_at`, and waits for nobody but the clock: order and cost do not depend on how many
    wait. asyncio-throttle's log stands behind it, where calls really leave: what a busy machine or a slow disk brought
    together is taken apart again. Times are those of the running loop.
    """

    def __init__(self, rpm: float) -> None:
        from asyncio_throttle.throttler import Throttler

        permits = max(1, int(rpm // 60))
        # So many periods fill a minute that no 60 s ever see more than `rpm`, even if `permits` does not divide it.
        period = 60 / (rpm // permits) if rpm >= 1 else 60 / rpm
        spread = _SPREAD * min(1.0, period)
        self._log: _Log = Throttler(permits, period + spread / 2)
        self._turn = asyncio.Lock()
        self._gap = (period + spread) / permits
        self._due = self._opens = float("-inf")

    def opens_at(self, now: float) -> float:
        """When the next request may leave; a time that has passed means now."""
        if now >= self._opens:
            wait = _GROUP if self._gap < _GROUP else 0.0
            self._opens = max(self._due, now + wait) if self._due > now else now
        return self._opens

    def take(self, now: float) -> None:
        """A request is on its way."""
        self._due = max(self._due, now - _LATE) + self._gap

    async def leave(self) -> None:
        """Returns when a request that was taken may be sent, which is at once unless others were late."""
        async with self._turn:
            await self._log.acquire()
