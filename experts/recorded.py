"""Recorded generations of real models, held as tightly as look-ups allow."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, cast
from weakref import WeakValueDictionary

from orchestrator.errors import ConfigError
from orchestrator.recording import Joining

_MAX_SAMPLES = 1 << 20

TESTS = "\0tests"
"""Stands for the prompt style under which model-written tests are kept."""

_HEAD = re.compile(
    rb'\{"problem_id": ?"(?:[^"\\]|\\.)*", ?"expert": ?"((?:[^"\\]|\\.)*)", ?"prompt_style": ?"((?:[^"\\]|\\.)*)"'
)


@dataclass(slots=True)
class _Samples:
    """One expert's texts: the number of the problem and the sample index in one number -> row."""

    rows: dict[int, int] = field(default_factory=dict)
    gapless: bool = True
    """Whether every problem's samples count up from 0 without a hole."""


class ReplayFile:
    """A file `NAME.generations.jsonl.gz` with its siblings; loaded once, when first needed, in a thread of its own.

    Texts are kept as UTF-8 in one block: a fraction of what as many strings would take.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], None]] = []
        self._done = False
        self._failed: Exception | None = None
        self._prompts: dict[str, Mapping[str, str]] = {}
        self._block = bytearray()
        self._ends: array[int] = array("Q", [0])
        self._problems: dict[str, int] = {}
        self._samples: dict[tuple[str, str], _Samples] = {}

    async def ready(self) -> None:
        """Waits until the file is loaded, without holding up the event loop.

        Raises:
            ConfigError: the file or a sibling cannot be read, with path and line.
        """
        if not self._done:
            loop = asyncio.get_running_loop()
            loaded: asyncio.Future[None] = loop.create_future()
            self._when_loaded(partial(_wake, loop, loaded))
            await loaded
        if self._failed is not None:
            raise self._failed

    def text(self, expert: str, style: str, problem: str, sample: int) -> str | None:
        """A recorded text; `None` where none was recorded. The file must be loaded."""
        samples, number = self._samples.get((expert, style)), self._problems.get(problem)
        if samples is None or number is None or not 0 <= sample < _MAX_SAMPLES:
            return None
        row = samples.rows.get(number * _MAX_SAMPLES + sample)
        if row is None:
            return None
        return self._block[self._ends[row] : self._ends[row + 1]].decode("utf-8", "surrogatepass")

    def gapless(self, expert: str, style: str) -> bool:
        """Whether the samples of an expert, tests too, count up from 0 for every problem, as far as is known now."""
        if not self._done or (expert, style) not in self._samples:
            return False
        return all(self._samples[who].gapless for who in ((expert, style), (expert, TESTS)) if who in self._samples)

    def _when_loaded(self, wake: Callable[[], None]) -> None:
        with self._lock:
            if not self._done:
                self._waiting.append(wake)
                if len(self._waiting) == 1:
                    threading.Thread(target=self._load, name=f"replay {self.path.name}", daemon=True).start()
                return
        wake()

    def _load(self) -> None:
        try:
            self._fill()
        except Exception as error:
            self._failed = error  # raised to everybody who waits
        with self._lock:
            self._done = True
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    # -- reading ------------------------------------------------------------------------

    def _fill(self) -> None:
        for number, row in _rows(self.path):
            expert, style = _word(row, "expert", self.path, number), _word(row, "prompt_style", self.path, number)
            text, meta = _word(row, "text", self.path, number), row.get("meta")
            if isinstance(meta, dict) and isinstance(meta.get("text_is"), str):
                text = self._joined(text, row, meta["text_is"], number)
            self._add((expert, style), row, text, number, self.path)
        if not self._samples:
            raise ConfigError(f"{self.path}: no generation in it")
        tests = sibling(self.path, "testgens")
        if tests.is_file():
            for number, row in _rows(tests):
                # the recorded prompt ended with `assert `
                text = "assert " + _word(row, "text", tests, number)
                self._add((_word(row, "expert", tests, number), TESTS), row, text, number, tests)

    def _add(self, who: tuple[str, str], row: Mapping[str, object], text: str, line: int, path: Path) -> None:
        problem, sample = _word(row, "problem_id", path, line), row.get("sample_index")
        if not isinstance(sample, int) or not 0 <= sample < _MAX_SAMPLES:
            raise ConfigError(f"{path}:{line}: sample_index must be a whole number from 0 up, not {sample!r}")
        samples = self._samples.setdefault(who, _Samples())
        key = self._problems.setdefault(problem, len(self._problems)) * _MAX_SAMPLES + sample
        if sample and key - 1 not in samples.rows:
            samples.gapless = False
        samples.rows[key] = len(self._ends) - 1
        self._block += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._block))

    def _joined(self, text: str, row: Mapping[str, object], note: str, line: int) -> str:
        """A completion put behind the prompt that it completes, as the file's own note on it says."""
        joining = Joining.of(note)
        if joining is None:
            return text
        problem, prompts = _word(row, "problem_id", self.path, line), self._prompts_under(joining.key)
        if problem not in prompts:
            raise ConfigError(f"{self.path}:{line}: {sibling(self.path, 'problems').name} lacks its prompt")
        return joining.joined(prompts[problem], text)

    def _prompts_under(self, key: str) -> Mapping[str, str]:
        if key not in self._prompts:
            self._prompts[key] = _prompts(sibling(self.path, "problems"), key)
        return self._prompts[key]


def opened(path: Path) -> ReplayFile:
    """The file at a path, shared with all who hold it already."""
    path = path.resolve()
    try:
        stat = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; give replay: a file of recorded generations") from None
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    with _opening:
        file = _files.get(key)
        if file is None:
            file = _files[key] = ReplayFile(path)
        return file


# Several backends read one file; it goes when the last of them does.
_files: WeakValueDictionary[tuple[str, int, int], ReplayFile] = WeakValueDictionary()
_opening = threading.Lock()


def listed(path: Path) -> list[tuple[str, str]]:
    """The experts and prompt styles of a file in the order in which they first appear, without keeping any text.

    Raises:
        ConfigError: the file cannot be read, a line is malformed, or nothing is in it.
    """
    found: dict[tuple[str, str], None] = {}
    heads: dict[tuple[bytes, bytes], None] = {}
    for number, line in _lines(path):
        head = _HEAD.match(line)
        if head is not None and line.rstrip().endswith(b"}"):
            if (key := (head[1], head[2])) in heads:
                continue
            heads[key] = None
        row = _parsed(line, path, number)
        found[(_word(row, "expert", path, number), _word(row, "prompt_style", path, number))] = None
    if not found:
        raise ConfigError(f"{path}: no generation in it")
    return list(found)


def sibling(path: Path, what: str) -> Path:
    """The file `NAME.WHAT.jsonl.gz` that belongs to `NAME.generations.jsonl.gz`."""
    name, _, rest = path.name.partition(".generations")
    return path.with_name(f"{name}.{what}{rest}")


def _prompts(path: Path, key: str) -> Mapping[str, str]:
    prompts: dict[str, str] = {}
    for number, row in _rows(path):
        meta = row.get("meta")
        if isinstance(meta, dict) and isinstance(meta.get(key), str):
            prompts[_word(row, "id", path, number)] = meta[key]
    return prompts


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in _lines(path):
        yield number, _parsed(line, path, number)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _parsed(line: bytes, path: Path, number: int) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{path}:{number}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ConfigError(f"{path}:{number}: a generation must be a JSON object")
    return row


def _word(row: Mapping[str, object], name: str, path: Path, line: int) -> str:
    value = row.get(name)
    if isinstance(value, str):
        return value
    raise ConfigError(f"{path}:{line}: '{name}' is missing or no text")


def _wake(loop: asyncio.AbstractEventLoop, loaded: asyncio.Future[None]) -> None:
    def set_result() -> None:
        if not loaded.done():
            loaded.set_result(None)

    # The loop may have been closed while the file was being read: then nobody waits any more.
    if not loop.is_closed():
        loop.call_soon_threadsafe(set_result)
