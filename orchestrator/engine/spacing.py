"""Requests at an even distance of time."""

from __future__ import annotations

_GROUP, _PAIR = 0.02, 0.04
"""Seconds: permits that are due within the first come together, as a timer for each would cost more than the calls; and
two of them within the second."""
_LATE = 0.2
"""Seconds by which a pace that fell behind its timers may be made up for."""


def due_together(gap: float) -> int:
    """How many that are `gap` seconds apart leave together at the most."""
    return max(1 + int(_GROUP / gap), 2 if gap < _PAIR else 1) if gap else 1


class Spacing:
    """Says when the next may leave, `gap` seconds after the last, some of them together.

    Args:
        gap: seconds.
        together: how many leave at once, the first of them later than it might; by default as many as are due within
            some hundredths of a second.
        late: seconds by which a pace that fell behind may be made up for.

    Whoever queues waits for nobody but the clock: order and cost do not depend on how many wait.
    """

    def __init__(self, gap: float = 0.0, together: int | None = None, late: float = _LATE) -> None:
        self.gap, self._together, self._late = gap, together, late
        self._due = self._opens = float("-inf")
        self._behind = False
        """Whether somebody waits, or waited: after a time without calls nothing is to be made up for."""

    def opens_at(self, now: float) -> float:
        """When the next may leave; a time that has passed means now."""
        if now >= self._opens:
            others = (self._together or due_together(self.gap)) - 1
            self._opens = self._due + self.gap * others if self._due > now else now
        if self._opens > now:
            self._behind = True
        return self._opens

    def take(self, now: float) -> None:
        """One leaves."""
        late = max(self._late, 2 * _GROUP) if self.gap < _GROUP else self._late
        self._due = max(self._due, now - late if self._behind else now) + self.gap
        self._behind = self._behind and self._due <= now

    def held(self, seconds: float) -> None:
        """One that had left was held up: those that follow keep their distance, or each would be held up too."""
        self._due += seconds

    def rest(self, until: float) -> None:
        """None leaves before `until`."""
        self._due = self._opens = max(self._due, until)
