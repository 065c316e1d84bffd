"""What a journal tells without owning it: another process may be writing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Glance:
    """A journal at one moment."""

    open_calls: int = 0
    """Attempts without an end: in flight now, or when a process was killed."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What was kept beside the replies, by name."""


def glance(path: Path) -> Glance:
    """Looks into the journal at `path`; one that is missing or still empty tells nothing.

    Raises:
        ConfigError: the file is no journal.
    """
    if not path.is_file() or not path.stat().st_size:
        return Glance()
    try:
        db = sqlite3.connect(path, timeout=30)
        try:
            db.execute("PRAGMA query_only=ON")
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'attempts'").fetchone():
                return Glance()
            (calls,) = db.execute("SELECT count(*) FROM attempts WHERE state = 'open'").fetchone()
            rows = db.execute("SELECT name, value FROM meta WHERE name != 'version'").fetchall()
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is no journal ({error})") from None
    return Glance(int(calls), dict(_numbers(rows)))


def _numbers(rows: list[tuple[str, str]]) -> list[tuple[str, float]]:
    found = []
    for name, value in rows:
        try:
            found.append((name, float(value)))
        except ValueError:
            continue  # something else is kept under this name
    return found
