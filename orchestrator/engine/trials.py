"""When more is tried than what was learned, and how much more."""

from __future__ import annotations

QUIET = 60.0
"""Seconds without a refusal after which a little more is tried."""
_MORE, _MOST_MORE = 0.05, 1.0
"""What is tried first, as a share of what there is, and at the most; twice as much after every further quiet spell."""


class Trials:
    """A little more after every quiet spell, so that nothing that was learned holds for good."""

    def __init__(self) -> None:
        self._next, self._more = float("inf"), _MORE

    def rest(self, until: float) -> None:
        """Nothing is tried before; then as little as at first."""
        self._next, self._more = until, _MORE

    def factor(self, now: float) -> float:
        """By how much to multiply what is allowed: 1 unless a quiet spell has just passed."""
        if now < self._next:
            return 1.0
        factor = 1 + self._more
        self._next, self._more = now + QUIET, min(_MOST_MORE, self._more * 2)
        return factor
