"""The journal of a run folder: one SQLite file in WAL mode, and one thread that commits what has come together.

`synchronous=NORMAL`: a killed process loses nothing that was committed; a crash of the operating system may lose what
was committed since the last checkpoint.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from orchestrator.errors import ConfigError, JournalError
from orchestrator.ledger import NOTHING, Amount, Losses
from orchestrator.types import Completion, Tokens

from . import tables
from .batching.log import ByBatch, SqliteBatchLog, by_batch
from .journal import Attempt
from .seen import Seen
from .writer import Row, Writer


class JournalView:
    """Look-ups in the journal at `path`, which another process may be writing.

    Raises:
        ConfigError: the file is no journal, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = self._connected(path)

    def _connected(self, path: Path) -> sqlite3.Connection:
        if not path.exists():
            raise ConfigError(f"{path} is no journal (there is no such file); use another --run folder")
        return tables.checked(path, lambda: tables.looked_into(path))

    def get(self, key: bytes) -> Completion | None:
        row = self._reader.execute(tables.GET, (key,)).fetchone()
        return None if row is None else tables.completion_of(key, row)

    def linked(self, key: bytes) -> str | None:
        row = self._reader.execute("SELECT expert FROM links WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def open_calls(self) -> int:
        """Attempts without an end: those in flight now, or when a process was killed."""
        return self._scalar("SELECT count(*) FROM attempts WHERE state = 'open'")

    def by_batch(self) -> ByBatch:
        """What went by a provider's batches, and those that are out."""
        return by_batch(self._reader)

    def recall(self, name: str) -> float:
        """A number kept with `keep`; 0 if never."""
        row = self._reader.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def kept(self, beginning: str) -> dict[str, float]:
        """All kept numbers whose names begin so."""
        sql = "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?"
        return {str(name): float(value) for name, value in self._reader.execute(sql, (len(beginning), beginning))}

    @property
    def billed(self) -> Tokens:
        """What all attempts that brought replies were billed."""
        written = "written" if "written" in tables.columns_of(self._reader, "attempts") else "0"
        names = ("prompt", "completion", "reasoning", "cached", "usd", written)
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
        return Tokens(*self._reader.execute(f"SELECT {sums} FROM attempts WHERE state = 'replied'").fetchone())

    def _scalar(self, sql: str) -> int:
        return int(self._reader.execute(sql).fetchone()[0])

    def close(self) -> None:
        self._reader.close()


class SqliteJournal(JournalView):
    """Opens or makes the journal at `path`; whoever opens it must hold the run folder's lock.

    Raises:
        ConfigError: the file is no journal, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        _close_left_open(self._reader)
        self.losses = _losses(self._reader)
        self.paid = _paid(self._reader)
        self._seen = Seen(key for (key,) in self._reader.execute("SELECT key FROM replies"))
        self._attempts = self._scalar("SELECT coalesce(max(id), 0) FROM attempts")
        self._texts = self._scalar("SELECT coalesce(max(id), 0) FROM texts")
        self._writer = Writer(tables.connect(path), tables.ORDER, self._unwritable)
        self.batches = SqliteBatchLog(self._reader, self._writer.write)

    def _connected(self, path: Path) -> sqlite3.Connection:
        if not tables.is_new(path):
            tables.checked(path, lambda: tables.looked_into(path)).close()
        return tables.checked(path, lambda: tables.made(path))

    def _unwritable(self, error: Exception) -> JournalError:
        return JournalError(
            f"{self.path} cannot be written ({error}): see to the disk and run again; no reply that was used is lost"
        )

    @property
    def busy(self) -> bool:
        """Whether anything waits for its commit."""
        return self._writer.busy

    def get(self, key: bytes) -> Completion | None:
        return super().get(key) if key in self._seen else None

    # -- writing ------------------------------------------------------------------------

    async def open(self, attempt: Attempt) -> int:
        self._attempts += 1
        number, now = self._attempts, time.time()
        keys, worst = b"".join(attempt.keys), json.dumps([[w.calls, w.tokens, w.usd] for w in attempt.worst])
        rows: list[Row] = [(tables.OPEN, (number, attempt.expert, keys, _scopes(attempt.scopes), worst, now))]
        if attempt.batch:
            rows.append((tables.BATCH, (number, attempt.batch, now)))
        try:
            await self._writer.write(rows)
        except asyncio.CancelledError:
            self.fail(number, "cancelled before it left", charged=False)
            raise
        return number

    async def reply(
        self, attempt: int, replies: Sequence[tuple[bytes, Completion]], bill: Tokens, spoiled: int = 0
    ) -> None:
        rows = [row for key, completion in replies for row in self._stored(attempt, key, completion)]
        tokens = (bill.prompt, bill.completion, bill.reasoning, bill.cached_prompt, bill.usd)
        samples = len(replies) + spoiled
        rows.append((tables.REPLIED, (*tokens, samples, time.time(), bill.written_prompt, attempt)))
        await self._writer.write(rows)

    def fail(self, attempt: int, error: str, charged: bool) -> None:
        words = error.encode("utf-8", "replace").decode()
        self._writer.note([(tables.FAILED, ("charged" if charged else "refunded", words, time.time(), attempt))])

    def adopt(self, key: bytes, completion: Completion) -> None:
        """Stores a reply that another run paid for, without waiting for it."""
        self._writer.note(self._stored(0, key, completion))

    async def link(self, key: bytes, expert: str) -> None:
        await self._writer.write([(tables.LINK, (key, expert))])

    def keep(self, name: str, value: float) -> None:
        """Stores a number beside the journal without waiting for it."""
        self._writer.note([(tables.NUMBER, (name, repr(value)))])

    async def aclose(self) -> None:
        """Commits what is queued and closes the file."""
        await self._writer.aclose()
        self._reader.close()

    def _stored(self, attempt: int, key: bytes, completion: Completion) -> list[Row]:
        self._seen.add(key)
        text = self._texts + 1
        self._texts += 2 if completion.reasoning else 1
        return tables.reply_rows(attempt, key, completion, text)


@lru_cache(maxsize=128)
def _scopes(names: tuple[tuple[str, ...], ...]) -> str:
    return json.dumps(names)


def _close_left_open(db: sqlite3.Connection) -> None:
    """Charges the attempts that were out when an earlier process ended: nobody will learn what they came to.

    Batches stay out: a provider works them off whether or not anybody waits.
    """
    sql = (
        "UPDATE attempts SET state = 'charged', error = ?, closed = ? WHERE state = 'open'"
        " AND id NOT IN (SELECT attempt FROM batches)"
    )
    with db:
        db.execute(sql, ("its process ended while it was out", time.time()))


def _losses(db: sqlite3.Connection) -> Losses:
    by_scope: dict[str, Amount] = defaultdict(lambda: NOTHING)
    for scopes, worst in db.execute("SELECT scopes, worst FROM attempts WHERE state = 'charged'"):
        for names, (calls, tokens, usd) in zip(json.loads(scopes), json.loads(worst), strict=True):
            for name in names:
                by_scope[name] += Amount(calls, tokens, usd)
    return Losses(dict(by_scope))


def _paid(db: sqlite3.Connection) -> Amount:
    """What all attempts that brought replies were billed."""
    row = db.execute(
        "SELECT coalesce(sum(samples), 0), coalesce(sum(prompt + completion), 0), coalesce(sum(usd), 0.0)"
        " FROM attempts WHERE state = 'replied'"
    ).fetchone()
    return Amount(int(row[0]), int(row[1]), float(row[2]))
