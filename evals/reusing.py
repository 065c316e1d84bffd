"""A run that takes over the replies of another."""

from __future__ import annotations

from pathlib import Path

from orchestrator.engine import ReusingJournal, SqliteJournal
from orchestrator.errors import OrchestratorError


async def with_other(journal: SqliteJournal, other: Path | None) -> SqliteJournal | ReusingJournal:
    """A run's journal, looking into another run's where one is to be reused.

    Raises:
        ConfigError: the other one is no journal.
    """
    try:
        return journal if other is None else ReusingJournal(journal, other)
    except OrchestratorError:
        await journal.aclose()
        raise
