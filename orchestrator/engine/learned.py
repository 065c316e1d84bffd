"""The pace that a server's 429s teach, where nobody said what its limit is."""

from __future__ import annotations

from .spacing import Spacing

_BELOW = 0.95
"""Share of what a server was seen to take that it is asked for afterwards."""
_FEW, _LESS = 10, 0.8
"""Requests between two refusals that say little about a pace, and the share of it that is kept to meanwhile."""
_LATE = 0.002
"""Seconds by which a request may leave early after another that was late: a server may allow no two at once."""
_QUIET = 60.0
"""Seconds without a refusal after which a little more is tried."""
_MORE, _MOST_MORE = 0.05, 1.0
"""What is tried first, as a share of the pace, and at the most; twice as much after every further quiet spell."""
_REST, _LONGEST_REST = 0.25, 5.0
"""Share of an allowance that is let come back, and seconds at the most: with nothing left, a late call is too many."""
_SLOWEST = 1 / 60
"""Requests a second: what waits is asked again some time, whatever a server says."""


class Learned:
    """Keeps to what a server took between its last two bursts of refusals, waits among it, and tries more later.

    A server whose allowance fills steadily is known after its second burst, and so is one that counts by the minute:
    what it took since the burst before, by the time that this lasted, is its limit. Times are those of the loop.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        """Requests a second; `None` while nothing was refused."""
        self._spacing = Spacing(late=_LATE)
        self._taken = 0
        self._most = float("inf")
        self._best = 0.0
        """The most that it was seen to take: a server that refuses whatever it likes is not asked ever more slowly."""
        self._since: float | None = None
        self._cut = False
        self._changed, self._more = 0.0, _MORE

    def opens_at(self, now: float) -> float:
        """When the next request may leave; a time that has passed means now."""
        return now if self.rate is None else self._spacing.opens_at(now)

    def take(self, now: float) -> None:
        """A request is on its way."""
        if self._since is None:
            self._since = now
        elif self._cut:
            self._estimate(now)
        elif self.rate is not None and now - self._changed >= _QUIET:
            self._set(min(self.rate * (1 + self._more), self._most), now)
            self._more = min(_MOST_MORE, self._more * 2)
        self._taken += 1
        self._spacing.take(now)

    def refused(self, first: bool, recent: bool) -> None:
        """A request was refused.

        Args:
            first: it is the first of its burst.
            recent: it left after the burst before.
        """
        self._cut = self._cut or first
        if recent:
            self._taken = max(0, self._taken - 1)

    def told(self, rate: float, reset: float, now: float) -> None:
        """The server said what it allows: requests a second, and the seconds until all of its allowance is back."""
        self._set(_BELOW * rate if self.rate is None else min(_BELOW * rate, self.rate * _BELOW), now)
        self._taken, self._since, self._cut, self._more = 0, now, False, _MORE
        self._most = _BELOW * rate
        self._spacing.rest(now + min(_LONGEST_REST, _REST * reset))

    def _estimate(self, now: float) -> None:
        """Something leaves for the first time after a burst, which is over: what came of the time since the last?"""
        assert self._since is not None
        self._cut, self._more = False, _MORE
        if self._taken < _FEW:
            if self.rate is not None:
                self._set(max(self.rate * _LESS, self._best / 2), now)
            return
        seen = self._taken / max(now - self._since, 1e-3)
        if self.rate is not None:  # what came before the first burst may have been saved up
            self._best = max(self._best, seen)
        self._set(max(_BELOW * seen, self._best / 2), now)
        self._taken, self._since = 0, now

    def _set(self, rate: float, now: float) -> None:
        self.rate, self._changed = max(_SLOWEST, rate), now
        self._spacing.gap = 1 / self.rate
