"""Rate limits of one expert: requests a minute and tokens a minute."""

from __future__ import annotations

import asyncio

from orchestrator.errors import Allowance, StatedLimits
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

    def refused(self, first: bool, recent: bool, stated: StatedLimits | None, now: float) -> None:
        """A 429 came: `first` of its burst, and whether its request left after the burst before."""
        requests, tokens = (stated.requests, stated.tokens) if stated is not None else (None, None)
        if requests is not None and requests.remaining < 1:
            if first:
                self._learned.told(_rate(requests), requests.reset, now)
        elif tokens is not None:
            if first:
                self._tell_tokens(tokens, now)
        else:
            self._learned.refused(first, recent)

    def _tell_tokens(self, tokens: Allowance, now: float) -> None:
        """The server counts tokens, as it said: so do we from now on, the time that it counts over included."""
        rate = _rate(tokens)
        most = tokens.remaining + tokens.reset * rate
        self._tokens = TokenWindow(most, most / rate)
        self._tokens.begin_with(most - tokens.remaining, now)

    def settle(self, permit: Permit | None, used: int) -> None:
        """Puts what an attempt used in place of what it was taken to need at the most."""
        if self._tokens is not None and permit is not None:
            self._tokens.settle(permit, used)


def _rate(allowance: Allowance) -> float:
    """What comes back in a second; a limit of a day has the same headers as one of a minute, and fills more slowly."""
    return min(allowance.limit / 60, (allowance.limit - allowance.remaining) / allowance.reset)
