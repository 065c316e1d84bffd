"""The journal of a run folder: one SQLite file in WAL mode, one writer thread that commits whatever is queued.

`synchronous=NORMAL`: a killed process loses nothing that was committed; a crash of the operating system may lose what
was committed since the last checkpoint.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.errors import ConfigError, JournalError
from orchestrator.ledger import NOTHING, Amount, Losses
from orchestrator.types import Completion, Tokens, ToolCall

from .batch_log import TABLE, ByBatch, SqliteBatchLog, by_batch, note
from .journal import Attempt

VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, expert TEXT NOT NULL, keys BLOB NOT NULL, scopes TEXT NOT NULL, worst TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replied', 'refunded', 'charged')),
    prompt INTEGER NOT NULL DEFAULT 0, completion INTEGER NOT NULL DEFAULT 0, reasoning INTEGER NOT NULL DEFAULT 0,
    cached INTEGER NOT NULL DEFAULT 0, usd REAL NOT NULL DEFAULT 0, samples INTEGER NOT NULL DEFAULT 0,
    error TEXT, opened REAL NOT NULL, closed REAL, written INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS lost ON attempts (state) WHERE state IN ('open', 'charged');
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, attempt INTEGER NOT NULL, text INTEGER NOT NULL, reasoning INTEGER, finish TEXT NOT NULL,
    prompt INTEGER NOT NULL, completion INTEGER NOT NULL, reasoned INTEGER NOT NULL, cached INTEGER NOT NULL,
    usd REAL NOT NULL, expert TEXT NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL, extra TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS links (key BLOB PRIMARY KEY, expert TEXT NOT NULL) WITHOUT ROWID;
"""

_LATER = {"attempts": {"written": "INTEGER NOT NULL DEFAULT 0"}}
"""Columns that journals of this version may lack, as they came later: whoever opens one to write puts them in."""

_GET = """
SELECT t.text, r.finish, r.prompt, r.completion, r.reasoned, r.cached, r.usd, r.expert, r.model, r.fingerprint, r.extra,
    (SELECT text FROM texts WHERE id = r.reasoning)
FROM replies r JOIN texts t ON t.id = r.text WHERE r.key = ?
"""

_Write = Callable[[sqlite3.Connection], object]


class JournalView:
    """Look-ups in the journal at `path`, which another process may be writing.

    Raises:
        ConfigError: the file is no journal, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = self._connected(path)

    def _connected(self, path: Path) -> sqlite3.Connection:
        return _checked(path, lambda: sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30))

    def get(self, key: bytes) -> Completion | None:
        row = self._reader.execute(_GET, (key,)).fetchone()
        return None if row is None else _completion(key, row)

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
        written = "written" if "written" in _columns(self._reader, "attempts") else "0"
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
        self._next = self._scalar("SELECT coalesce(max(id), 0) FROM attempts")
        self._queue: queue.SimpleQueue[tuple[_Write, asyncio.Future[None] | None] | None] = queue.SimpleQueue()
        self.batches = SqliteBatchLog(self._reader, self._commit)
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def _connected(self, path: Path) -> sqlite3.Connection:
        return _checked(path, lambda: _made(path))

    # -- writing ------------------------------------------------------------------------

    async def open(self, attempt: Attempt) -> int:
        self._next += 1
        worst = json.dumps([[w.calls, w.tokens, w.usd] for w in attempt.worst])
        row = (self._next, attempt.expert, b"".join(attempt.keys), json.dumps(attempt.scopes), worst, time.time())
        sql = "INSERT INTO attempts (id, expert, keys, scopes, worst, opened) VALUES (?, ?, ?, ?, ?, ?)"

        def write(db: sqlite3.Connection) -> None:
            db.execute(sql, row)
            if attempt.batch:
                note(db, row[0], attempt.batch, row[5])

        try:
            await self._commit(write)
        except asyncio.CancelledError:
            self.fail(row[0], "cancelled before it left", charged=False)
            raise
        return row[0]

    async def reply(
        self, attempt: int, replies: Sequence[tuple[bytes, Completion]], bill: Tokens, spoiled: int = 0
    ) -> None:
        def write(db: sqlite3.Connection) -> None:
            for key, completion in replies:
                _insert(db, attempt, key, completion)
            db.execute(
                "UPDATE attempts SET state = 'replied', prompt = ?, completion = ?, reasoning = ?, cached = ?, usd = ?,"
                " samples = ?, closed = ?, written = ? WHERE id = ?",
                (
                    bill.prompt,
                    bill.completion,
                    bill.reasoning,
                    bill.cached_prompt,
                    bill.usd,
                    len(replies) + spoiled,
                    now,
                    bill.written_prompt,
                    attempt,
                ),
            )

        now = time.time()
        await self._commit(write)

    def fail(self, attempt: int, error: str, charged: bool) -> None:
        words = error.encode("utf-8", "replace").decode()
        row = ("charged" if charged else "refunded", words, time.time(), attempt)
        sql = "UPDATE attempts SET state = ?, error = ?, closed = ? WHERE id = ? AND state = 'open'"
        self._queue.put((lambda db: db.execute(sql, row), None))

    def adopt(self, key: bytes, completion: Completion) -> None:
        """Stores a reply that another run paid for, without waiting for it."""
        self._queue.put((lambda db: _insert(db, 0, key, completion), None))

    async def link(self, key: bytes, expert: str) -> None:
        await self._commit(lambda db: db.execute("INSERT OR REPLACE INTO links VALUES (?, ?)", (key, expert)))

    def keep(self, name: str, value: float) -> None:
        """Stores a number beside the journal without waiting for it."""
        sql = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
        self._queue.put((lambda db: db.execute(sql, (name, repr(value))), None))

    async def _commit(self, write: _Write) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put((write, done))
        # What a caller leaves is committed all the same; `_resolve` passes over whoever no longer waits.
        await done

    async def aclose(self) -> None:
        """Commits what is queued and closes the file."""
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reader.close()

    # -- the writer thread --------------------------------------------------------------

    def _write(self) -> None:
        db = _connect(self.path)
        try:
            open_ = True
            while open_:
                batch, open_ = self._take()
                _flush(db, batch)
        finally:
            db.close()

    def _take(self) -> tuple[list[tuple[_Write, asyncio.Future[None] | None]], bool]:
        item = self._queue.get()
        batch = []
        while item is not None:
            batch.append(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False


def _flush(db: sqlite3.Connection, batch: list[tuple[_Write, asyncio.Future[None] | None]]) -> None:
    error: Exception | None = None
    try:
        with db:
            for write, _ in batch:
                write(db)
    except Exception as raised:
        # The writer must live on, or everybody would wait for commits that never come.
        error = JournalError(f"the journal cannot be written: {raised}")
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = defaultdict(list)
    for _, done in batch:
        if done is not None:
            by_loop[done.get_loop()].append(done)
    for loop, futures in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, futures, error)


def _resolve(futures: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=30, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    return db


def _made(path: Path) -> sqlite3.Connection:
    db = _connect(path)
    with db:
        db.executescript(_SCHEMA + TABLE)
        for table, columns in _LATER.items():
            there = _columns(db, table)
            for name in columns.keys() - there:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
        db.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (str(VERSION),))
    return db


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}


def _checked(path: Path, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    try:
        db = connect()
        found = int(db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])
    except sqlite3.Error as error:
        raise ConfigError(f"{path} is no journal ({error}); use another --run folder") from None
    if found != VERSION:
        raise ConfigError(
            f"{path} was written by a version of the journal ({found}) that this one ({VERSION}) cannot read"
        )
    return db


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


def _insert(db: sqlite3.Connection, attempt: int, key: bytes, c: Completion) -> None:
    text = db.execute("INSERT INTO texts (text) VALUES (?)", (c.text,)).lastrowid
    reasoning = None
    if c.reasoning:
        reasoning = db.execute("INSERT INTO texts (text) VALUES (?)", (c.reasoning,)).lastrowid
    extra = _extra(c)
    t = c.tokens
    db.execute(
        "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (key, attempt, text, reasoning, c.finish, t.prompt, t.completion, t.reasoning, t.cached_prompt, t.usd, c.expert,
         c.model, c.fingerprint, extra),
    )  # fmt: skip


def _extra(c: Completion) -> str | None:
    """What few completions have; names that an older version did not write are not there."""
    more = {
        "tools": [[t.id, t.name, t.arguments] for t in c.tool_calls],
        "logprobs": c.logprobs,
        "confidences": c.confidences,
        "alternatives": c.alternatives,
        "written": c.tokens.written_prompt,
    }
    there = {name: value for name, value in more.items() if value}
    return json.dumps(there, separators=(",", ":")) if there else None


def _completion(key: bytes, row: tuple[object, ...]) -> Completion:
    text, finish, prompt, completion, reasoned, cached, usd, expert, model, fingerprint, extra, reasoning = row
    more = json.loads(str(extra)) if extra else {}
    return Completion(
        text=str(text),
        reasoning=str(reasoning or ""),
        finish=str(finish),  # type: ignore[arg-type]
        tokens=Tokens(prompt, completion, reasoned, cached, usd, more.get("written", 0)),  # type: ignore[arg-type]
        expert=str(expert),
        model=str(model),
        fingerprint=str(fingerprint),
        tool_calls=tuple(ToolCall(*call) for call in more.get("tools", ())),
        logprobs=tuple(more.get("logprobs", ())),
        confidences=tuple(more.get("confidences", ())),
        alternatives=tuple((str(token), float(logprob)) for token, logprob in more.get("alternatives", ())),
        id=key.hex(),
    )
