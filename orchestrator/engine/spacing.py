"""Requests at an even distance of time."""

from __future__ import annotations

_GROUP = 0.02
"""Seconds: permits that are due within them come together, as a timer for each would cost more than the calls."""
_LATE = 0.2
"""Seconds by which a pace that fell behind its timers may be made up for."""


class Spacing:
    """Says when the next may leave, `gap` seconds after the last.

    Args:
        gap: seconds.
        late: seconds by which a pace that fell behind may be made up for.

    Whoever queues waits for nobody but the clock: order and cost do not depend on how many wait.
    """

    def __init__(self, gap: float = 0.0, late: float = _LATE) -> None:
        self.gap, self._late = gap, late
        self._due = self._opens = float("-inf")

    def opens_at(self, now: float) -> float:
        """When the next may leave; a time that has passed means now."""
        if now >= self._opens:
            wait = _GROUP if self.gap < _GROUP else 0.0
            self._opens = max(self._due, now + wait) if self._due > now else now
        return self._opens

    def take(self, now: float) -> None:
        """One leaves."""
        late = max(self._late, 2 * _GROUP) if self.gap < _GROUP else self._late
        self._due = max(self._due, now - late) + self.gap

    def rest(self, until: float) -> None:
        """None leaves before `until`."""
        self._due = self._opens = max(self._due, until)
