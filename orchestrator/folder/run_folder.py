"""A run's folder: what it was asked, what came out, and the journal of its calls."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from ..errors import ConfigError
from ..files import open_private, private_folder, write_private
from ..types import Json
from .lock import Lock
from .place import MANIFEST, find, new_id, runs_folder
from .records import JsonLines, Row, read

LOCK = "lock"
_BEFORE_MANIFEST = {LOCK, "journal.sqlite"}
"""What a run that was killed while it was being made may leave behind."""


class RunView:
    """A run folder to read from; another process may be writing to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = read_manifest(path)

    @property
    def id(self) -> str:
        return str(self.manifest.get("id", self.path.name))

    @property
    def handle(self) -> str:
        """What to type after `orchestrator resume`: the id, or the path of a folder that lies elsewhere."""
        return self.path.name if self.path.parent == runs_folder() else str(self.path)

    @property
    def journal(self) -> Path:
        """The SQLite file of replies and attempts."""
        return self.path / "journal.sqlite"

    @property
    def results_path(self) -> Path:
        return self.path / "results.jsonl"

    @property
    def trace_path(self) -> Path:
        return self.path / "trace.jsonl"

    def results(self) -> Iterator[Row]:
        """One row a problem, strategy and seed, read as it goes.

        Raises:
            ConfigError: a line that is no JSON object, by number.
        """
        return read(self.results_path)

    def trace(self, passed_over: Callable[[bytes], bool] | None = None) -> Iterator[Row]:
        """The trace's events, read as they go.

        Args:
            passed_over: tells by its bytes which line need not be read.

        Raises:
            ConfigError: a line that is no JSON object, by number.
        """
        return read(self.trace_path, passed_over)


class RunFolder(RunView):
    """A run folder that this process owns: others are turned away until it is closed.

    Use `create` or `open`, and close it (it is a context manager).
    """

    def __init__(self, path: Path, lock: Lock) -> None:
        super().__init__(path)
        self._lock = lock
        self._results = JsonLines(self.results_path)
        self._trace = JsonLines(self.trace_path)

    @classmethod
    def create(cls, path: str | Path | None, manifest: Mapping[str, Json], now: datetime | None = None) -> RunFolder:
        """Makes the folder (under the user's state directory unless `path` says where) and owns it.

        The manifest gets an `id` that sorts by time and the time `created`.

        Raises:
            ConfigError: the folder holds a run or other files already.
        """
        now = (now or datetime.now(UTC)).astimezone(UTC)
        name = new_id(now)
        folder = runs_folder() / name if path is None else Path(path).absolute()
        _claim(folder)
        lock = Lock(folder / LOCK, f"run {folder}")
        with _released_on_failure(lock):
            if (folder / MANIFEST).exists():  # another process was faster
                raise ConfigError(_taken(folder))
            # SQLite gives its write-ahead files the mode of the database, so it is made here.
            os.close(open_private(folder / "journal.sqlite", os.O_WRONLY | os.O_CREAT))
            _write_manifest(folder, {"id": name, "created": f"{now:%Y-%m-%dT%H:%M:%SZ}", **manifest})
            return cls(folder, lock)

    @classmethod
    def open(cls, where: str | Path) -> RunFolder:
        """Owns a run that there is: by path, id, the beginning of an id, or `last`.

        A torn last line of its results or trace is cut off.

        Raises:
            ConfigError: no such run, it is in use by another process, or its manifest cannot be read.
        """
        folder = find(where).absolute()
        lock = Lock(folder / LOCK, f"run {folder.name}")
        with _released_on_failure(lock):
            return cls(folder, lock)

    def append_result(self, row: Mapping[str, Json]) -> None:
        """Adds one row; when it returns, a kill of this process cannot lose it."""
        self._results.append([row])

    def append_trace(self, rows: Iterable[Mapping[str, Json]]) -> None:
        """Adds events, all in one write."""
        self._trace.append(rows)

    def keep_results(self, wanted: Callable[[Row], bool]) -> int:
        """Drops the rows that are not wanted, all or none; returns how many went."""
        return self._results.keep(wanted)

    def keep_trace(self, wanted: Callable[[Row], bool]) -> int:
        """Drops the events that are not wanted, all or none; returns how many went."""
        return self._trace.keep(wanted)

    def update_manifest(self, changes: Mapping[str, Json]) -> None:
        """Writes the manifest anew with `changes` put over it, in one step."""
        self.manifest = {**self.manifest, **changes}
        _write_manifest(self.path, self.manifest)

    def close(self) -> None:
        """Lets go of the folder."""
        self._results.close()
        self._trace.close()
        self._lock.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def view(where: str | Path) -> RunView:
    """A run to read from, also while it runs: by path, id, the beginning of an id, or `last`.

    Raises:
        ConfigError: no such run, or its manifest cannot be read.
    """
    return RunView(find(where).absolute())


def read_manifest(folder: Path) -> Row:
    """The manifest of a run.

    Raises:
        ConfigError: it is missing or no JSON object.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(manifest, dict):
        raise ConfigError(f"{path} is not a JSON object")
    return manifest


def _write_manifest(folder: Path, manifest: Mapping[str, Json]) -> None:
    text = json.dumps(manifest, indent=1, ensure_ascii=True)
    write_private(folder / MANIFEST, f"{text}\n".encode())


def _claim(folder: Path) -> None:
    """Makes the folder, or takes over one that is as good as empty."""
    if (folder / MANIFEST).exists():
        raise ConfigError(_taken(folder))
    try:
        private_folder(folder)
        others = sorted(entry.name for entry in folder.iterdir() if entry.name not in _BEFORE_MANIFEST)
    except OSError as error:
        raise ConfigError(f"run folder {folder} cannot be made: {error.strerror}; name another with --run") from error
    if others:
        raise ConfigError(f"{folder} holds other files ({others[0]}); name an empty or a new folder with --run")


def _taken(folder: Path) -> str:
    return f"{folder} holds a run already; continue it with `orchestrator resume {folder}` or name another folder"


@contextmanager
def _released_on_failure(lock: Lock) -> Iterator[None]:
    try:
        yield
    except BaseException:
        lock.close()
        raise
