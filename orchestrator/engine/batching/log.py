"""What a journal knows of batches that are out, so that a later process finds them again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.ledger import NOTHING, Amount

from ..writer import Row

TABLE = """
CREATE TABLE IF NOT EXISTS batches (attempt INTEGER PRIMARY KEY, token TEXT NOT NULL, id TEXT, opened REAL NOT NULL);
"""
"""A batch is an attempt with a row here as well; it is out while the attempt is open."""

KNOWN = "UPDATE batches SET id = ? WHERE attempt = ?"
"""Notes the provider's name of a batch."""

_KEY = 16
"""Bytes."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A batch that an earlier process sent, or was about to send, and did not see the end of."""

    attempt: int
    expert: str
    token: str
    id: str | None
    """The provider's name of it; `None` where the process ended before it was noted down."""
    opened: float
    """Seconds since the epoch."""
    worst: dict[bytes, Amount]
    """By key, what each request may come to."""

    @property
    def most(self) -> Amount:
        """What all of it may come to."""
        return sum(self.worst.values(), start=NOTHING)


@dataclass(frozen=True, slots=True)
class ByBatch:
    """What went by batch, of a whole run."""

    calls: int = 0
    usd: float = 0.0
    out: tuple[LeftOut, ...] = ()


class BatchLog(Protocol):
    """The part of a journal that is about batches."""

    @property
    def durable(self) -> bool:
        """Whether a later process can read it."""
        ...

    def left_out(self) -> tuple[LeftOut, ...]:
        """Batches of earlier processes that may still be out."""
        ...

    async def known(self, attempt: int, id_: str) -> None:
        """Commits the provider's name of a batch."""
        ...


class MemoryBatchLog:
    """Of a journal that ends with its process."""

    durable = False

    def left_out(self) -> tuple[LeftOut, ...]:
        return ()

    async def known(self, attempt: int, id_: str) -> None:
        return None


class SqliteBatchLog:
    """Of a run folder's journal.

    Args:
        reader: a connection to its file.
        commit: has the writer commit rows.
    """

    durable = True

    def __init__(self, reader: sqlite3.Connection, commit: Callable[[Sequence[Row]], Awaitable[None]]) -> None:
        self._commit = commit
        self._left_out = out_in(reader)

    def left_out(self) -> tuple[LeftOut, ...]:
        return self._left_out

    async def known(self, attempt: int, id_: str) -> None:
        await self._commit([(KNOWN, (id_, attempt))])


def by_batch(db: sqlite3.Connection) -> ByBatch:
    """What went by batch, read from a journal that may be of a version without batches."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'batches'").fetchone():
        return ByBatch()
    sql = (
        "SELECT coalesce(sum(a.samples), 0), coalesce(sum(a.usd), 0.0)"
        " FROM attempts a JOIN batches b ON a.id = b.attempt"
    )
    calls, usd = db.execute(sql).fetchone()
    return ByBatch(int(calls), float(usd), out_in(db))


def out_in(db: sqlite3.Connection) -> tuple[LeftOut, ...]:
    """The batches that have not ended."""
    sql = (
        "SELECT a.id, a.expert, b.token, b.id, b.opened, a.keys, a.worst FROM attempts a JOIN batches b"
        " ON a.id = b.attempt WHERE a.state = 'open' ORDER BY a.id"
    )
    rows = db.execute(sql).fetchall()
    return tuple(
        LeftOut(attempt, expert, token, id_, opened, _worst(keys, worst))
        for attempt, expert, token, id_, opened, keys, worst in rows
    )


def _worst(keys: bytes, worst: str) -> dict[bytes, Amount]:
    each = [keys[at : at + _KEY] for at in range(0, len(keys), _KEY)]
    return {key: Amount(int(w[0]), int(w[1]), float(w[2])) for key, w in zip(each, json.loads(worst), strict=True)}
