"""The runs there are."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ConfigError
from ..types import Json
from .lock import Lock, held
from .place import find, run_ids, runs_folder
from .records import Row, count
from .run_folder import LOCK, read_manifest

State = Literal["running", "done", "unfinished", "unreadable"]

_OURS = ("manifest.json", "journal.sqlite*", "results.jsonl", "trace.jsonl", "report.html", LOCK)

INSIDE = "ideas"
"""A run's folder inside of another: what was asked about that one's programs."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of `orchestrator runs list`."""

    id: str
    path: Path
    created: str
    """ISO 8601, UTC."""
    set: str
    strategies: tuple[str, ...]
    done: int
    """Result lines there are: one a problem, strategy and seed."""
    total: int | None
    """Result lines there will be, where the number of problems is known."""
    state: State


def runs() -> list[RunSummary]:
    """The runs under the state directory, oldest first."""
    return [summary(runs_folder() / name) for name in run_ids()]


def summary(path: Path) -> RunSummary:
    """What a run's manifest and files tell; takes no lock. A preparation has one result: its file.

    The manifest's `set`, `strategies`, `problems` (a count), `seeds`, `per_expert` and `experts` are read where it has
    them.
    """
    try:
        manifest = read_manifest(path)
    except ConfigError:
        return RunSummary(path.name, path, "", "", (), 0, None, "unreadable")
    prepares = manifest.get("prepares")
    if prepares is None:
        names, done, total = _list(manifest.get("strategies")), count(path / "results.jsonl"), _total(manifest)
    else:
        names, done, total = [f"prepare {prepares}"], int(manifest.get("finished") is True), 1
    return RunSummary(
        id=str(manifest.get("id", path.name)),
        path=path,
        created=str(manifest.get("created", "")),
        set=str(manifest.get("set", "")),
        strategies=tuple(map(str, names)),
        done=done,
        total=total,
        state=_state(path, done, total),
    )


def remove(where: str | Path) -> Path:
    """Deletes a run; in a folder outside the state directory only the files that are a run's.

    Raises:
        ConfigError: no such run, or it is in use by another process.
    """
    path = find(where).absolute()
    lock = Lock(path / LOCK, f"run {path.name}")
    try:
        if path.parent == runs_folder():
            shutil.rmtree(path)
        else:
            _remove_ours(path)
    finally:
        lock.close()
    return path


def _remove_ours(path: Path) -> None:
    if (path / INSIDE).is_dir():
        _remove_ours(path / INSIDE)
    for pattern in _OURS:
        for file in path.glob(pattern):
            file.unlink()
    if not any(path.iterdir()):
        path.rmdir()


def _state(path: Path, done: int, total: int | None) -> State:
    if held(path / LOCK):
        return "running"
    return "done" if total is not None and done >= total else "unfinished"


def _total(manifest: Row) -> int | None:
    problems = manifest.get("problems")
    if not isinstance(problems, int):
        return None
    rows = len(_list(manifest.get("strategies"))) or 1
    if manifest.get("per_expert") is True:
        rows *= len(_list(manifest.get("experts"))) or 1
    return problems * rows * (len(_list(manifest.get("seeds"))) or 1)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
