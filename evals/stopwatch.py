"""Wall time of a run over all its invocations."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.engine import SqliteJournal

SECONDS = "seconds"
"""Name of the number that a journal keeps beside its replies: wall seconds of all invocations."""

_STEP = 1.0
"""Seconds between notes: as much a kill may lose."""


class Stopwatch:
    """Runs from when it is made; what earlier invocations took is read from the journal and counted in.

    Args:
        clock: gives seconds; only differences count.
    """

    def __init__(self, journal: SqliteJournal, clock: Callable[[], float]) -> None:
        self.before = journal.recall(SECONDS)
        self._journal, self._clock = journal, clock
        self._start = self._noted = clock()

    @property
    def start(self) -> float:
        """When the run would have begun had it never been interrupted, by `clock`."""
        return self._start - self.before

    @property
    def seconds(self) -> float:
        """Of all invocations."""
        return self._clock() - self.start

    @property
    def here(self) -> float:
        """Seconds of this invocation."""
        return self._clock() - self._start

    def note(self, now: bool = False) -> None:
        """Puts the seconds into the journal if the last note is older than a second, or `now`."""
        if now or self._clock() - self._noted >= _STEP:
            self._noted = self._clock()
            self._journal.keep(SECONDS, self.seconds)
