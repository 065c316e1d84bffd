"""Where the rows of a set come from: a file, or a stream that is made up by a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from . import builtin
from .rows import Line, read_lines


class Source(Protocol):
    """Rows that can be read as often as needed."""

    @property
    def name(self) -> str: ...

    def lines(self) -> Iterator[Line]: ...

    def digest(self) -> str:
        """What tells these rows from any others: SHA-256 in hex."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def lines(self) -> Iterator[Line]:
        return read_lines(self.path)

    def digest(self) -> str:
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Made:
    """The first problems of a set that has no end."""

    set: str
    seed: int
    limit: int | None
    """How many are wanted in the end; what else is asked of them may leave out most that are made."""

    @property
    def name(self) -> str:
        return f"{self.set}:seed={self.seed}"

    def lines(self) -> Iterator[Line]:
        size = builtin.SETS[self.set].size
        most = size if self.limit is None else max(size, 20 * self.limit)
        for number, row in enumerate(islice(builtin.rows(self.set, self.seed), most), 1):
            yield Line(row, number, Path(self.name))

    def digest(self) -> str:
        found = hashlib.sha256()
        for line in islice(self.lines(), max(builtin.SETS[self.set].size, self.limit or 0)):
            found.update(json.dumps(line.row, sort_keys=True).encode())
        return found.hexdigest()
