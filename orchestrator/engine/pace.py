"""Requests at an even pace, and never more than a server counts as its limit."""

from __future__ import annotations

import asyncio
from typing import Protocol

from .spacing import Spacing, due_together

_SPREAD, _WIDE = 0.05, 0.08
"""Seconds by which a call may reach the server later than another that left with it: every period is longer by so
much, or by this share where it is shorter than a second. More where hundreds leave in a second: whatever holds up this
process or the server, such as a collection of garbage, then comes between many calls."""
_SOME, _MANY = 100, 500
"""Requests a second up to which it is the first, and from which on it is the second."""
_USED = 0.995
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
        spread = _spread(permits / period) * min(1.0, period)
        together = _together(permits, period)
        self._log: _Log = Throttler(*_logged(permits, period, spread, together), _POLL)
        self._turn = asyncio.Lock()
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


def _spread(rate: float) -> float:
    """Seconds, at so many requests a second."""
    return _SPREAD + (_WIDE - _SPREAD) * min(1.0, max(0.0, (rate - _SOME) / (_MANY - _SOME)))


def _logged(permits: int, period: float, spread: float, together: int) -> tuple[int, float]:
    """How many the log lets through in how many seconds; a little more than the pace, so that this is made up for.

    A group that had left when this process was held up reaches the server with those that are made up for afterwards:
    there is room for one more.
    """
    if together <= 2:
        return permits, period + 0.8 * spread
    share = 1 - together / permits
    return permits - together, share * (period + 0.9 * spread)


def _together(permits: int, period: float) -> int:
    """How many leave at once: whole groups use nearly all permits of a period, so that the log, which knows nothing of
    groups, holds none of them up."""
    most = min(permits, due_together(period / permits))
    return next(number for number in range(most, 0, -1) if permits // number * number >= _USED * permits)
