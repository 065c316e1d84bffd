"""Rate limits of one expert: requests a minute and tokens a minute, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from orchestrator.types import Expert

_POLL = 0.05
"""Seconds between two looks of a queue's head at the requests of the last period, at the most."""
_MINUTE = 60.0
_TICK = 1e-3
"""Seconds by which a wait for a permit to grow old goes past its minute."""


class Throttle:
    """Every attempt passes it just before it leaves.

    Requests a minute go through asyncio-throttle. Behind one FIFO lock only the head of the queue polls it, which keeps
    the order and costs no more with ten thousand waiting than with one. Above 1,200 requests a minute permits come in
    small groups, because no poll is finer than some milliseconds.
    """

    def __init__(self, expert: Expert) -> None:
        self._turn = asyncio.Lock()
        self._requests = _requests(expert.rpm)
        self._tokens = TokenWindow(expert.tpm) if expert.tpm else None

    async def admit(self, tokens: int) -> Permit | None:
        """Returns when one request of at most `tokens` tokens may leave."""
        if self._requests is None and self._tokens is None:
            return None
        async with self._turn:
            if self._requests is not None:
                await self._requests.acquire()
            return None if self._tokens is None else await self._tokens.take(tokens)

    def settle(self, permit: Permit | None, used: int) -> None:
        """Puts what an attempt used in place of what it was taken to need at the most."""
        if self._tokens is not None and permit is not None:
            self._tokens.settle(permit, used)


class _Permits(Protocol):
    async def acquire(self) -> None: ...


def _requests(rpm: float | None) -> _Permits | None:
    if not rpm:
        return None
    from asyncio_throttle.throttler import Throttler

    permits = max(1, int(rpm // 1200))
    # So many periods fill a minute that no 60 seconds ever see more than `rpm`, even if `permits` does not divide it.
    period = 60 / (rpm // permits) if rpm >= 1 else 60 / rpm
    # The polls of a queue's head end just past the period, and not a poll later.
    permit: _Permits = Throttler(permits, period, retry_interval=period * (1 + 1e-6) / ceil(period / _POLL))
    return permit


@dataclass(slots=True, eq=False)
class Permit:
    """What one attempt takes of a minute's tokens."""

    at: float
    tokens: int


class TokenWindow:
    """Tokens a minute by reservation: what left within any 60 seconds never comes to more.

    An attempt counts from when it leaves, with its worst case until it ends and with what it used from then on.
    """

    def __init__(self, per_minute: float) -> None:
        self._most, self._taken = max(1, int(per_minute)), 0
        self._permits: deque[Permit] = deque()
        self._loop = asyncio.get_running_loop()
        self._freed: asyncio.Future[None] | None = None

    async def take(self, tokens: int) -> Permit:
        """Waits until `tokens` are there; a request larger than the window waits until it is empty. One at a time."""
        want = min(tokens, self._most)
        while (seconds := self._wait(want)) > 0:
            self._freed = self._loop.create_future()
            await asyncio.wait([self._freed], timeout=seconds)
        permit = Permit(self._loop.time(), want)
        self._permits.append(permit)
        self._taken += want
        return permit

    def settle(self, permit: Permit, used: int) -> None:
        used = min(used, permit.tokens)
        if self._permits and permit.at >= self._permits[0].at:
            self._taken += used - permit.tokens
        permit.tokens = used
        if self._freed is not None and not self._freed.done():
            self._freed.set_result(None)

    def _wait(self, want: int) -> float:
        """Seconds until the window has room for `want`, if nothing is settled meanwhile."""
        now = self._loop.time()
        while self._permits and now - self._permits[0].at > _MINUTE:
            self._taken -= self._permits.popleft().tokens
        over = self._taken + want - self._most
        if over <= 0:
            return 0.0
        for permit in self._permits:
            over -= permit.tokens
            if over <= 0:
                return permit.at + _MINUTE - now + _TICK
        raise AssertionError("a window that is full holds permits")
