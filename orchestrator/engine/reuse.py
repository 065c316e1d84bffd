"""Replies of an earlier run, for a run that may ask the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.ledger import Losses
from orchestrator.types import Completion, Tokens

from .batching.log import BatchLog
from .journal import Attempt
from .sqlite import JournalView, SqliteJournal


class ReusingJournal:
    """A run's own journal, and another run's to look into: what is found there is copied and costs nothing.

    Args:
        own: the journal that is written.
        other: the other run's file; it may be in use.

    Raises:
        ConfigError: the other file is no journal, or one of another version.
    """

    def __init__(self, own: SqliteJournal, other: Path) -> None:
        self._own, self._other = own, JournalView(other)

    @property
    def losses(self) -> Losses:
        return self._own.losses

    @property
    def batches(self) -> BatchLog:
        return self._own.batches

    def get(self, key: bytes) -> Completion | None:
        found = self._own.get(key)
        if found is None and (found := self._other.get(key)) is not None:
            self._own.adopt(key, found)
        return found

    def linked(self, key: bytes) -> str | None:
        return self._own.linked(key) or self._other.linked(key)

    async def open(self, attempt: Attempt) -> int:
        return await self._own.open(attempt)

    async def reply(
        self, attempt: int, replies: Sequence[tuple[bytes, Completion]], bill: Tokens, spoiled: int = 0
    ) -> None:
        await self._own.reply(attempt, replies, bill, spoiled)

    def fail(self, attempt: int, error: str, charged: bool) -> None:
        self._own.fail(attempt, error, charged)

    async def link(self, key: bytes, expert: str) -> None:
        await self._own.link(key, expert)

    async def aclose(self) -> None:
        self._other.close()
        await self._own.aclose()
