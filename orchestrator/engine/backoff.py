"""For how long nothing leaves a lane after a 429."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

_FIRST, _LONGEST = 0.25, 15.0
"""Seconds that a lane holds after the first of a series of 429s without Retry-After, and at the most."""
_BELIEVED = 4
"""429s in a row after which it holds longer than the server asks, as that did not help."""
_MOST = 16
"""Bursts that are counted: the pause has long stopped growing, and doubling on would end in a number too large."""


@dataclass(slots=True)
class Backoff:
    """Nothing leaves for as long as the server asks, or longer with every burst of 429s.

    `clock` gives seconds.
    """

    clock: Callable[[], float]
    until: float = field(init=False, default=0.0)
    """When something may leave again; a time that has passed means now."""
    _bursts: int = field(init=False, default=0)

    def limited(self, first: bool, asked: float) -> None:
        """A 429 came.

        Args:
            first: it is the first of its burst; the others lengthen no pause but by what they ask.
            asked: seconds that the server asks to wait; 0 where it says nothing.
        """
        if first:
            self._bursts = min(self._bursts + 1, _MOST)
        self.hold(self._pause(asked))

    def succeeded(self) -> None:
        """An attempt brought replies: the next 429 is the first of a series again."""
        self._bursts = 0

    def hold(self, seconds: float) -> None:
        """Lets nothing leave for so long, or for longer where that was decided before."""
        self.until = max(self.until, self.clock() + seconds)

    def _pause(self, asked: float) -> float:
        if asked and self._bursts <= _BELIEVED:
            return asked
        doublings = self._bursts - 1 - (_BELIEVED if asked else 0)
        return max(asked, min(_LONGEST, _FIRST * 2.0 ** max(0, doublings)))
