"""Rate limits of one expert: requests a minute and tokens a minute, first come first served."""

from __future__ import annotations

import asyncio
from typing import Protocol

from orchestrator.types import Expert


class Throttle:
    """Every attempt passes it just before it leaves.

    Requests a minute go through asyncio-throttle. Behind one FIFO lock only the head of the queue polls it, which keeps
    the order and costs no more with ten thousand waiting than with one. Above 1,200 requests a minute permits come in
    small groups, because the poll is no finer than 10 ms.
    """

    def __init__(self, expert: Expert) -> None:
        self._turn = asyncio.Lock()
        self._requests = _requests(expert.rpm)
        self._tokens = TokenBucket(expert.tpm) if expert.tpm else None

    async def admit(self, tokens: int) -> None:
        """Returns when one request of at most `tokens` tokens may leave."""
        if self._requests is None and self._tokens is None:
            return
        async with self._turn:
            if self._requests is not None:
                await self._requests.acquire()
            if self._tokens is not None:
                await self._tokens.take(tokens)

    def settle(self, reserved: int, used: int) -> None:
        """Gives back what an attempt did not use of its tokens."""
        if self._tokens is not None:
            self._tokens.give_back(reserved - used)


class _Permits(Protocol):
    async def acquire(self) -> None: ...


def _requests(rpm: float | None) -> _Permits | None:
    if not rpm:
        return None
    from asyncio_throttle.throttler import Throttler

    permits = max(1, int(rpm // 1200))
    period = 60 * permits / rpm
    permit: _Permits = Throttler(rate_limit=permits, period=period, retry_interval=max(0.01, period / 50))
    return permit


class TokenBucket:
    """Tokens a minute by reservation: a bucket of one minute's tokens that refills evenly."""

    def __init__(self, per_minute: float) -> None:
        self._rate, self._size = per_minute / 60, per_minute
        self._level, self._at = per_minute, asyncio.get_running_loop().time()

    async def take(self, tokens: int) -> None:
        """Waits until `tokens` are there; a request larger than the bucket waits for a full one."""
        want = min(float(tokens), self._size)
        self._refill()
        while self._level < want:
            await asyncio.sleep((want - self._level) / self._rate)
            self._refill()
        self._level -= want

    def give_back(self, tokens: int) -> None:
        self._refill()
        self._level = min(self._size, self._level + tokens)

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        self._level = min(self._size, self._level + (now - self._at) * self._rate)
        self._at = now
