"""How often the models of a run were loaded, over all its invocations, and each load in its trace."""

from __future__ import annotations

from collections import Counter

from orchestrator.engine import Groups, JournalView, SqliteJournal
from orchestrator.types import Json

_NAME = "loads "
"""Before an expert's id, name of the number that a journal keeps beside its replies."""


class Loads:
    """Counts on from what earlier invocations noted.

    Args:
        groups: what loads the models of this invocation.
    """

    def __init__(self, journal: SqliteJournal, groups: Groups) -> None:
        self._journal, self._groups = journal, groups
        self._before = loads_in(journal)
        self._traced = 0

    @property
    def counts(self) -> dict[str, int]:
        """By expert, those of no resident group not among them."""
        return dict(sorted((self._before + self._groups.loads).items()))

    def rows(self, start: float) -> list[dict[str, Json]]:
        """The trace's rows of the loads since it was last asked, which are noted in the journal too.

        Args:
            start: when the run began, by the clock of the loop.
        """
        total = self._groups.loads.total()
        if total == self._traced:
            return []
        new = sorted(self._groups.history, key=lambda load: load.at)[self._traced - total :]
        self._traced, counts = total, self.counts
        for expert in {load.expert for load in new}:
            self._journal.keep(_NAME + expert, counts[expert])
        return [
            {
                "kind": "load",
                "group": load.group,
                "expert": load.expert,
                "evicted": load.evicted,
                "waiting": load.waiting,
                "at": load.at - start,
            }
            for load in new
        ]


def loads_in(journal: JournalView) -> Counter[str]:
    """What a run's invocations have noted, by expert."""
    return Counter({name.removeprefix(_NAME): int(count) for name, count in journal.kept(_NAME).items()})
