"""The pace that a server's 429s teach, where nobody said what its limit is."""

from __future__ import annotations

from .spacing import Spacing
from .trials import QUIET, Trials

_BELOW = 0.95
"""Share of what a server was seen to take that it is asked for afterwards."""
_FEW, _LESS = 10, 0.8
"""Requests between two refusals that say little about a pace, and the share of it that is kept to meanwhile."""
_LATE = 0.002
"""Seconds by which a request may leave early after another that was late: a server may allow no two at once."""
_REST, _LONGEST_REST = 0.25, 5.0
"""Share of an allowance that is let come back, and seconds at the most: with nothing left, a late call is too many."""
_SLOWEST = 1 / 60
"""Requests a second: what waits is asked again some time, whatever a server says."""


class Learned:
    """Keeps to what a server took between its last two bursts of refusals, waits among it, and tries more later.

    A server whose allowance fills steadily is known after its second burst, and so is one that counts by the minute:
    what it took since the burst before, by the time that this lasted, is its limit. What it took while nobody had to
    wait is our own pace, and so does not count. Times are those of the loop.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        """Requests a second; `None` while nothing was refused."""
        self._spacing = Spacing(late=_LATE)
        self._taken, self._burst = 0, 0
        """How many it took, and the generation of those that left after the last burst. Those that were refused in one
        burst count but for the first: what is too fast shows at once, and what is too slow only after minutes."""
        self._fresh, self._freshest = 0, 0
        """How many it really took since something left after the last burst, and the generation of these."""
        self._since: float | None = None
        self._cut = False
        self._best = 0.0
        """The most that it was seen to take: a server that refuses whatever it likes is not asked ever more slowly."""
        self._most, self._most_until, self._returns = float("inf"), float("inf"), False
        """Requests a second that the server told, until when that holds, and whether all is back by then."""
        self._trials = Trials()

    def opens_at(self, now: float) -> float:
        """When the next request may leave; a time that has passed means now."""
        if now >= self._most_until:
            self._forget_most()
        return now if self.rate is None else self._spacing.opens_at(now)

    def take(self, now: float, generation: int = 0) -> None:
        """A request is on its way; `generation` grows with every burst of refusals."""
        if self._cut:
            self._estimate(now, generation)
        elif self.rate is not None and (factor := self._trials.factor(now)) > 1:
            self._set(min(self.rate * factor, self._most))
        if self._since is None:
            self._since = now
        self._taken += 1
        self._fresh += 1
        self._spacing.take(now)

    def refused(self, first: bool, generation: int) -> None:
        """A request was refused.

        Args:
            first: it is the first of its burst.
            generation: as when it left.
        """
        self._cut = self._cut or first
        if generation >= self._burst:
            self._taken, self._burst = max(0, self._taken - 1), generation + 1
        if generation >= self._freshest:
            self._fresh = max(0, self._fresh - 1)

    def rested(self) -> None:
        """Nobody waits: who comes later begins a new count."""
        if not self._cut:
            self._taken, self._since = 0, None

    def told(self, rate: float, reset: float, now: float, until: float) -> None:
        """The server said what it allows.

        Args:
            rate: requests a second.
            reset: seconds until all of its allowance is back.
            now: seconds.
            until: when that is no longer to be relied on.
        """
        most = _BELOW * rate
        # Others may share what it allows; at half of it we stay, as with what it was seen to take.
        self._set(most if self.rate is None else min(most, max(self.rate * _BELOW, most / 2)))
        self._taken, self._fresh, self._since, self._cut = 0, 0, now, False
        self._most, self._most_until, self._returns = most, until, reset > QUIET
        self._trials.rest(now + QUIET)
        self._spacing.rest(now + min(_LONGEST_REST, _REST * reset))

    def _estimate(self, now: float, generation: int) -> None:
        """Something leaves for the first time after a burst, which is over: what came of the time since the last?"""
        fresh, self._fresh = self._fresh, 0
        self._cut, self._freshest = False, generation
        self._trials.rest(now + QUIET)
        if self._since is None or not fresh:
            return  # it refused all there was: that says how long to wait, and nothing of a pace
        if self._taken < _FEW:
            if self.rate is not None:
                self._set(max(self.rate * _LESS, self._best / 2))
            return
        seen = self._taken / max(now - self._since, 1e-3)
        if self.rate is not None:  # what came before the first burst may have been saved up
            self._best = max(self._best, seen)
        self._set(max(_BELOW * seen, self._best / 2))
        self._taken, self._since = 0, now

    def _forget_most(self) -> None:
        """What the server told is no longer relied on; a day's allowance that is back may be used at once."""
        self._most = self._most_until = float("inf")
        if self._returns:
            self.rate, self._since, self._taken = None, None, 0
            self._spacing = Spacing(late=_LATE)

    def _set(self, rate: float) -> None:
        self.rate = max(_SLOWEST, rate)
        self._spacing.gap = 1 / self.rate
