"""Tokens a minute by reservation."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_MINUTE = 60.0
_SPREAD = 1 / 30
"""Share of its time that a permit counts beyond it, as the server saw its call later than we sent it."""
_SLICES = 20
"""Steps in which what was taken before the window began comes back."""


@dataclass(slots=True, eq=False)
class Permit:
    """What one attempt takes of a minute's tokens."""

    at: float
    tokens: int
    counted: bool = True
    """Whether the window still counts it."""


class TokenWindow:
    """What left within any `seconds` (a minute) never comes to more than `most` tokens.

    An attempt counts from when it leaves, with its worst case until it ends and with what it used from then on. One
    that is larger than the window leaves when nothing else is in it. Times are those of the running loop.
    """

    def __init__(self, most: float, seconds: float = _MINUTE) -> None:
        self._most, self._taken = max(1, int(most)), 0
        self._lasts = seconds * (1 + _SPREAD)
        self._permits: deque[Permit] = deque()

    def begin_with(self, taken: float, now: float) -> None:
        """Counts what was taken before it began, and comes back steadily."""
        for number in range(1, _SLICES + 1):
            self.take(int(taken / _SLICES), now - self._lasts * (1 - number / _SLICES))

    def opens_at(self, tokens: int, now: float) -> float:
        """When there is room for `tokens` if nothing is settled until then; a time that has passed means now."""
        self._drop_old(now)
        over = self._taken + min(tokens, self._most) - self._most
        if over <= 0:
            return now
        for permit in self._permits:
            over -= permit.tokens
            if over <= 0:
                return permit.at + self._lasts
        raise AssertionError("a window that is full holds permits")

    def fits(self, tokens: int, now: float) -> bool:
        """Whether `tokens` are free, without being let through only because nothing else is there."""
        self._drop_old(now)
        return self._taken + tokens <= self._most

    def take(self, tokens: int, now: float) -> Permit:
        """Counts an attempt from now on."""
        permit = Permit(now, min(tokens, self._most))
        self._permits.append(permit)
        self._taken += permit.tokens
        return permit

    def settle(self, permit: Permit, used: int) -> None:
        """Puts what an attempt used in place of what it was taken to need at the most."""
        used = min(used, permit.tokens)
        if permit.counted:
            self._taken += used - permit.tokens
        permit.tokens = used

    def _drop_old(self, now: float) -> None:
        # One that was sent late holds those behind it, which is on the safe side.
        while self._permits and now >= self._permits[0].at + self._lasts:
            permit = self._permits.popleft()
            permit.counted = False
            self._taken -= permit.tokens
