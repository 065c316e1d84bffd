"""The tables of a run folder's journal: how they are made, what is written to them, and how a reply is read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from orchestrator.errors import ConfigError
from orchestrator.types import Completion, Tokens, ToolCall

from .batching import log as batch_log
from .writer import Row

VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, expert TEXT NOT NULL, keys BLOB NOT NULL, scopes TEXT NOT NULL, worst TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replied', 'refunded', 'charged')),
    prompt INTEGER NOT NULL DEFAULT 0, completion INTEGER NOT NULL DEFAULT 0, reasoning INTEGER NOT NULL DEFAULT 0,
    cached INTEGER NOT NULL DEFAULT 0, usd REAL NOT NULL DEFAULT 0, samples INTEGER NOT NULL DEFAULT 0,
    error TEXT, opened REAL NOT NULL, closed REAL, written INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, attempt INTEGER NOT NULL, text INTEGER NOT NULL, reasoning INTEGER, finish TEXT NOT NULL,
    prompt INTEGER NOT NULL, completion INTEGER NOT NULL, reasoned INTEGER NOT NULL, cached INTEGER NOT NULL,
    usd REAL NOT NULL, expert TEXT NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL, extra TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS links (key BLOB PRIMARY KEY, expert TEXT NOT NULL) WITHOUT ROWID;
DROP INDEX IF EXISTS lost;
"""
"""An index that a version before this had, of attempts without a reply, cost every call more than it ever saved."""

_LATER = {"attempts": {"written": "INTEGER NOT NULL DEFAULT 0"}}
"""Columns that journals of this version may lack, as they came later: whoever opens one to write puts them in."""

OPEN = "INSERT INTO attempts (id, expert, keys, scopes, worst, opened) VALUES (?, ?, ?, ?, ?, ?)"
BATCH = "INSERT INTO batches (attempt, token, opened) VALUES (?, ?, ?)"
_TEXT = "INSERT INTO texts (id, text) VALUES (?, ?)"
_REPLY = "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
REPLIED = """
UPDATE attempts SET state = 'replied', prompt = ?, completion = ?, reasoning = ?, cached = ?, usd = ?, samples = ?,
    closed = ?, written = ?
WHERE id = ?
"""
FAILED = "UPDATE attempts SET state = ?, error = ?, closed = ? WHERE id = ? AND state = 'open'"
LINK = "INSERT OR REPLACE INTO links VALUES (?, ?)"
NUMBER = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
ORDER = (OPEN, BATCH, _TEXT, _REPLY, REPLIED, FAILED, batch_log.KNOWN, LINK, NUMBER)
"""In which the rows of one commit are written: an attempt is there before what ends it."""

GET = """
SELECT t.text, r.finish, r.prompt, r.completion, r.reasoned, r.cached, r.usd, r.expert, r.model, r.fingerprint, r.extra,
    (SELECT text FROM texts WHERE id = r.reasoning)
FROM replies r JOIN texts t ON t.id = r.text WHERE r.key = ?
"""


_OUT_OF_REACH = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
}  # fmt: skip
"""What SQLite says where not the file is at fault but the disk, its rights or another process."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that writes."""
    db = sqlite3.connect(path, timeout=30, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    return db


def looked_into(path: Path) -> sqlite3.Connection:
    """A connection that only reads.

    Where it may, it is opened as one that could write: only such a one takes the files beside the journal away again
    when it is the last to close.
    """
    where = path.absolute().as_uri()
    try:
        db = sqlite3.connect(f"{where}?mode=rw", uri=True, timeout=30)
        db.execute("PRAGMA query_only=ON")
    except sqlite3.OperationalError:
        return sqlite3.connect(f"{where}?mode=ro", uri=True, timeout=30)
    return db


def made(path: Path) -> sqlite3.Connection:
    """The same, with all tables there: those of a new journal come together, or none."""
    db = connect(path)
    with db:
        db.executescript("BEGIN;" + _SCHEMA + batch_log.TABLE)
        for table, columns in _LATER.items():
            there = columns_of(db, table)
            for name in columns.keys() - there:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
        db.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (str(VERSION),))
    return db


def is_new(path: Path) -> bool:
    """Whether nothing is there yet; else nothing may be made there before it is known to be a journal."""
    if not path.exists():
        return True
    try:
        with closing(looked_into(path)) as db:
            return db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    except sqlite3.Error:
        return False


def columns_of(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}


def checked(path: Path, opened: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """A connection to a file that is a journal.

    Raises:
        ConfigError: it is none, one of another version, or cannot be opened.
    """
    db = None
    try:
        db = opened()
        _check_version(path, db)
    except BaseException as error:
        if db is not None:
            db.close()
        if not isinstance(error, sqlite3.Error):
            raise
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUT_OF_REACH:
            raise ConfigError(f"{path} cannot be opened ({error}); see to it, or use another --run folder") from None
        raise ConfigError(f"{path} is no journal ({error}); use another --run folder") from None
    return db


def _check_version(path: Path, db: sqlite3.Connection) -> None:
    row = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    if row is None or not str(row[0]).isdecimal():
        raise ConfigError(f"{path} is no journal (it does not say of which version); use another --run folder")
    if (found := int(row[0])) != VERSION:
        raise ConfigError(
            f"{path} was written by a version of the journal ({found}) that this one ({VERSION}) cannot read"
        )


def reply_rows(attempt: int, key: bytes, c: Completion, text: int) -> list[Row]:
    """A reply, whose texts get the numbers `text` and, where there is hidden reasoning, `text + 1`."""
    t = c.tokens
    tokens = (t.prompt, t.completion, t.reasoning, t.cached_prompt, t.usd)
    served = (c.expert, c.model, c.fingerprint, _extra(c))
    if not c.reasoning:
        return [(_TEXT, (text, c.text)), (_REPLY, (key, attempt, text, None, c.finish, *tokens, *served))]
    texts = [(_TEXT, (text, c.text)), (_TEXT, (text + 1, c.reasoning))]
    return [*texts, (_REPLY, (key, attempt, text, text + 1, c.finish, *tokens, *served))]


def _extra(c: Completion) -> str | None:
    """What few completions have; names that an older version did not write are not there."""
    if not (c.tool_calls or c.logprobs or c.confidences or c.alternatives or c.tokens.written_prompt):
        return None
    more = {
        "tools": [[t.id, t.name, t.arguments] for t in c.tool_calls],
        "logprobs": c.logprobs,
        "confidences": c.confidences,
        "alternatives": c.alternatives,
        "written": c.tokens.written_prompt,
    }
    return json.dumps({name: value for name, value in more.items() if value}, separators=(",", ":"))


def completion_of(key: bytes, row: tuple[object, ...]) -> Completion:
    """The reply of a row of `GET`."""
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
