"""Rate limits of one expert: requests a minute and tokens a minute."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from orchestrator.errors import Allowance, StatedLimits
from orchestrator.types import Expert

from .learned import Learned
from .pace import Pace
from .token_window import Share, TokenWindow
from .trials import Trials

_MINUTE = 60.0
_TRUSTED = 600.0
"""Seconds without a refusal after which even what a server told is no longer taken for its limit: limits are raised."""

Permit: TypeAlias = tuple[Share, ...]
"""What one attempt takes of each limit of tokens."""


class Throttle:
    """Every attempt passes it before it leaves.

    Nobody queues here: a lane asks when its next may leave, so that whatever comes meanwhile with a better priority
    goes first, and nothing is reserved for calls that cannot leave yet.
    """

    def __init__(self, expert: Expert) -> None:
        self._pace = Pace(expert.rpm) if expert.rpm else None
        self._tokens: tuple[TokenWindow, ...] = (TokenWindow(expert.tpm),) if expert.tpm else ()
        """The user's limit, and after it the one that the server told."""
        self._given = len(self._tokens)
        self._told_until, self._trials = float("inf"), Trials()
        self._learned = Learned()

    def opens_at(self, tokens: int, now: float) -> float:
        """When one request of at most `tokens` tokens may leave; a time that has passed means now."""
        when = self._learned.opens_at(now)
        if self._pace is not None:
            when = max(when, self._pace.opens_at(now))
        if now >= self._told_until:
            self._tokens, self._told_until = self._tokens[: self._given], float("inf")
        for window in self._tokens:
            when = max(when, window.opens_at(tokens, now))
        return when

    def fits(self, tokens: int, now: float) -> bool:
        """Whether a request that may leave now may be as large as `tokens` tokens."""
        return all(window.fits(tokens, now) for window in self._tokens)

    def take(self, tokens: int, now: float, generation: int = 0) -> Permit:
        """Lets one request through; `generation` is that of the lane's window."""
        self._learned.take(now, generation)
        if self._pace is not None:
            self._pace.take(now)
        if len(self._tokens) > self._given and (factor := self._trials.factor(now)) > 1:
            self._tokens[-1].grow(factor)
        return tuple(window.take(tokens, now) for window in self._tokens)

    async def leave(self, permit: Permit | None) -> None:
        """Returns when a request that was let through may be sent; it counts from then on."""
        if self._pace is not None:
            await self._pace.leave()
        for share in permit or ():
            share.window.sent(share, asyncio.get_running_loop().time())

    def refused(self, first: bool, generation: int, stated: StatedLimits | None, asked: int, now: float) -> None:
        """A 429 came.

        Args:
            first: it is the first of its burst, and shows a limit.
            generation: as in `take` of the request.
            stated: what the server said of its limits.
            asked: tokens that the request may have needed.
        """
        requests, tokens = (stated.requests, stated.tokens) if stated is not None else (None, None)
        if requests is not None and requests.remaining < 1:
            if first:
                self._learned.told(_rate(requests), requests.reset, now, _trusted(requests, now))
        elif tokens is not None and tokens.remaining < min(asked, tokens.limit / 2):
            if first:
                self._tell_tokens(tokens, now)
        else:  # it tells what it has plenty of, and not what ran out
            self._learned.refused(first, generation)

    def rested(self) -> None:
        """Nobody waits."""
        self._learned.rested()

    def _tell_tokens(self, tokens: Allowance, now: float) -> None:
        """The server counts tokens, as it said: so do we from now on, the time that it counts over included."""
        rate = _rate(tokens)
        most = tokens.remaining + tokens.reset * rate
        told = TokenWindow(most, most / rate)
        told.begin_with(most - tokens.remaining, now)
        self._tokens = (*self._tokens[: self._given], told)
        self._told_until = now + tokens.reset if tokens.reset > _MINUTE else float("inf")
        self._trials.rest(now + _TRUSTED)

    def settle(self, permit: Permit | None, used: int) -> None:
        """Puts what an attempt used in place of what it was taken to need at the most."""
        for share in permit or ():
            share.window.settle(share, used)


def _trusted(allowance: Allowance, now: float) -> float:
    """Until when a limit is kept to as it was told: what comes back after a day does so at once."""
    return now + (allowance.reset if allowance.reset > _MINUTE else _TRUSTED)


def _rate(allowance: Allowance) -> float:
    """What comes back in a second; a limit of a day has the same headers as one of a minute, and fills more slowly."""
    return min(allowance.limit / 60, (allowance.limit - allowance.remaining) / allowance.reset)
