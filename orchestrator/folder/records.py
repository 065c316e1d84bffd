"""JSON lines that survive a kill: a line is there whole, or cut off at the next open."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from ..errors import ConfigError
from ..files import open_private, replacing
from ..types import Json

Row: TypeAlias = dict[str, Json]

_BLOCK = 1 << 16
# Made once: a dozen lines are written for every problem.
_PLAIN = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ESCAPED = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


class JsonLines:
    """A file of JSON objects, one a line, open for appending; opening cuts a torn last line off."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = self._opened()

    def append(self, rows: Iterable[Mapping[str, Json]]) -> None:
        """Hands the rows to the system before it returns; after a failure none of them is in the file.

        Raises:
            OSError: the disk is full or gone.
        """
        data = b"".join(map(encoded, rows))
        size = os.fstat(self._fd).st_size
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            os.ftruncate(self._fd, size)
            raise

    def keep(self, wanted: Callable[[Row], bool]) -> int:
        """Drops the rows that are not wanted, all or none; returns how many went."""
        dropped = 0
        with replacing(self.path) as out:
            for line, row in _lines(self.path):
                if wanted(row):
                    out.write(line)
                else:
                    dropped += 1
        self.close()
        self._fd = self._opened()
        return dropped

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _opened(self) -> int:
        fd = open_private(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        os.ftruncate(fd, _whole(fd))
        return fd


def read(path: Path, passed_over: Callable[[bytes], bool] | None = None) -> Iterator[Row]:
    """The rows of a file, one at a time; a torn last line is left out, a missing file has none.

    Args:
        passed_over: tells by its bytes which line need not be read.

    Raises:
        ConfigError: a line that is no JSON object, by number.
    """
    for _, row in _lines(path, passed_over):
        yield row


def count(path: Path) -> int:
    """Whole lines in a file; 0 when it is missing."""
    try:
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))
    except FileNotFoundError:
        return 0


def encoded(row: Mapping[str, Json]) -> bytes:
    """The row as one line; text that UTF-8 has no form for is escaped."""
    line = _PLAIN.encode(row)
    try:
        return f"{line}\n".encode()
    except UnicodeEncodeError:
        return f"{_ESCAPED.encode(row)}\n".encode()


def _lines(path: Path, passed_over: Callable[[bytes], bool] | None = None) -> Iterator[tuple[bytes, Row]]:
    if not path.exists():
        return
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") and not (passed_over is not None and passed_over(line)):
                yield line, _decoded(line, path, number)


def _decoded(line: bytes, path: Path, number: int) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{path}:{number}: not JSON ({error}); repair or delete this line") from None
    if not isinstance(row, dict):
        raise ConfigError(f"{path}:{number}: not a JSON object; repair or delete this line")
    return row


def _whole(fd: int) -> int:
    """Bytes up to the end of the last whole line."""
    end = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
