"""Rate limits of one expert: requests a minute and tokens a minute."""

from __future__ import annotations

import asyncio

from orchestrator.types import Expert

from .learned import Learned
from .pace import Pace
from .token_window import Permit, TokenWindow

__all__ = ["Permit", "Throttle"]


class Throttle:
    """Every attempt passes it before it leaves.

    Nobody queues here: a lane asks when its next may leave, so that whatever comes meanwhile with a better priority
    goes first, and nothing is reserved for calls that cannot leave yet.
    """

    def __init__(self, expert: Expert) -> None:
        self._pace = Pace(expert.rpm) if expert.rpm else None
        self._tokens = TokenWindow(expert.tpm) if expert.tpm else None
        self._learned = Learned()

    def opens_at(self, tokens: int, now: float) -> float:
        """When one request of at most `tokens` tokens may leave; a time that has passed means now."""
        when = self._learned.opens_at(now)
        if self._pace is not None:
            when = max(when, self._pace.opens_at(now))
        return when if self._tokens is None else max(when, self._tokens.opens_at(tokens, now))

    def fits(self, tokens: int, now: float) -> bool:
        """Whether a request that may leave now may be as large as `tokens` tokens."""
        return self._tokens is None or self._tokens.fits(tokens, now)

    def take(self, tokens: int, now: float) -> Permit | None:
        """Lets one request through."""
        self._learned.take(now)
        if self._pace is not None:
            self._pace.take(now)
        return None if self._tokens is None else self._tokens.take(tokens, now)

    async def leave(self, permit: Permit | None) -> None:
        """Returns when a request that was let through may be sent; it counts from then on."""
        if self._pace is not None:
            await self._pace.leave()
        if permit is not None:
            permit.at = asyncio.get_running_loop().time()

    def refused(self, first: bool, recent: bool) -> None:
        """A 429 came: `first` of its burst, and whether its request left after the burst before."""
        self._learned.refused(first, recent)

    def settle(self, permit: Permit | None, used: int) -> None:
        """Puts what an attempt used in place of what it was taken to need at the most."""
        if self._tokens is not None and permit is not None:
            self._tokens.settle(permit, used)
