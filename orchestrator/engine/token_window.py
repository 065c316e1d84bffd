"""Tokens a minute by reservation."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_MINUTE = 60.0
_SPREAD = 1 / 30
"""Part of its time that a share counts beyond it, as the server saw its call later than we sent it."""
_SLICES = 20
"""Steps in which what was taken before the window began comes back."""


@dataclass(slots=True, eq=False)
class Share:
    """What one attempt takes of a window's tokens."""

    window: TokenWindow
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
        self._shares: deque[Share] = deque()

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
        latest = float("-inf")
        for share in self._shares:
            over, latest = over - share.tokens, max(latest, share.at)
            if over <= 0:
                return latest + self._lasts
        raise AssertionError("a window that is full holds shares")

    def fits(self, tokens: int, now: float) -> bool:
        """Whether `tokens` are free, without being let through only because nothing else is there."""
        self._drop_old(now)
        return self._taken + tokens <= self._most

    def take(self, tokens: int, now: float) -> Share:
        """Counts an attempt from now on."""
        share = Share(self, now, min(tokens, self._most))
        self._count(share)
        return share

    def sent(self, share: Share, now: float) -> None:
        """An attempt leaves only now, and counts from now on."""
        share.at = now
        if not share.counted:  # it took longer to leave than it would have counted
            self._count(share)

    def settle(self, share: Share, used: int) -> None:
        """Puts what an attempt used in place of what it was taken to need at the most."""
        used = min(used, share.tokens)
        if share.counted:
            self._taken += used - share.tokens
        share.tokens = used

    def grow(self, factor: float) -> None:
        """Allows more from now on."""
        self._most = int(self._most * factor) + 1

    def _count(self, share: Share) -> None:
        share.counted = True
        self._shares.append(share)
        self._taken += share.tokens

    def _drop_old(self, now: float) -> None:
        # One that was sent late holds those behind it, which is on the safe side.
        while self._shares and now >= self._shares[0].at + self._lasts:
            share = self._shares.popleft()
            share.counted = False
            self._taken -= share.tokens
