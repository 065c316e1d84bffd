"""Rows of a set: lines of JSON, plain or gzipped, read and checked one at a time."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ValidationError

from orchestrator.errors import BenchmarkError, ConfigError
from orchestrator.types import Json

from .case import Case

Row: TypeAlias = dict[str, Json]
Options: TypeAlias = Mapping[str, str]
Model = TypeVar("Model", bound=BaseModel)

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Line:
    """A row and where it stands."""

    row: Row
    number: int
    """From 1, blank lines counted."""
    path: Path
    offset: int | None = None
    """Byte of the file at which it begins; `None` where it cannot be read again there, as in a packed file."""

    def error(self, message: str) -> BenchmarkError:
        return BenchmarkError(message, str(self.path), self.number)

    def parse(self, model: type[Model]) -> Model:
        """The row as a model; fields that the model does not have are left out.

        Raises:
            BenchmarkError: a field is missing or of the wrong type.
        """
        try:
            return model.model_validate(self.row)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "row"
            raise self.error(f"field '{field}': {first['msg']}") from None

    def again(self) -> Row:
        """The row of a line that has an offset, read once more from its file.

        Raises:
            BenchmarkError: the file cannot be read, or is not what it was.
        """
        try:
            with self.path.open("rb") as stream:
                stream.seek(self.offset or 0)
                return _row(stream.readline(), self.number, self.path)
        except OSError as error:
            raise self.error(f"cannot be read once more: {error.strerror or error}") from None


@dataclass(frozen=True, slots=True)
class Reader:
    """A format of benchmark files."""

    name: str
    """As given in `SET:format=NAME`."""
    about: str
    recognises: Callable[[Row], bool]
    """Whether a first row looks like this format."""
    cases: Callable[[Iterable[Line], Options], Iterator[Case]]
    options: frozenset[str] = frozenset()
    """Names of the options that only this format takes."""


def read_lines(path: Path) -> Iterator[Line]:
    """The rows of a JSON Lines file in order; blank lines are skipped, gzip is noticed by its first bytes.

    Raises:
        BenchmarkError: the file cannot be read, or a line is not a JSON object in UTF-8.
    """
    number = offset = 0
    try:
        with opened(path) as stream:
            packed = isinstance(stream, gzip.GzipFile)
            for number, raw in enumerate(stream, 1):
                if raw.strip():
                    yield Line(_row(raw, number, path), number, path, None if packed else offset)
                offset += len(raw)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BenchmarkError(f"cannot be read: {reason}", str(path), number + 1 if number else None) from None


def opened(path: Path) -> IO[bytes]:
    """A file to read, unpacked if it is gzipped."""
    with path.open("rb") as stream:
        packed = stream.read(len(_GZIP)) == _GZIP
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _row(raw: bytes, number: int, path: Path) -> Row:
    try:
        value = json.loads(raw.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8"))
    except json.JSONDecodeError as error:
        hint = _array_hint(raw) if number == 1 else ""
        message = f"not JSON: {error.msg} at column {error.colno}{hint}"
        raise BenchmarkError(message, str(path), number) from None
    except UnicodeDecodeError as error:
        raise BenchmarkError(f"not UTF-8: {error.reason} at byte {error.start}", str(path), number) from None
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"not JSON: {error}", str(path), number) from None
    if not isinstance(value, dict):
        hint = _array_hint(raw)
        raise BenchmarkError(f"expected a JSON object, found a {type(value).__name__}{hint}", str(path), number)
    return value


def _array_hint(raw: bytes) -> str:
    whole_file = raw.lstrip(b"\xef\xbb\xbf \t").startswith(b"[")
    return "; a set has one JSON object a line (jq -c '.[]' makes such a file out of an array)" if whole_file else ""


def text_of(value: object) -> str | None:
    """A reference answer as text: strings as they are, other JSON as JSON, null as none."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def flag(options: Options, name: str, default: bool) -> bool:
    """An option that is on or off.

    Raises:
        ConfigError: it is neither `true` nor `false`.
    """
    value = options.get(name, str(default)).lower()
    if value not in ("true", "false"):
        raise ConfigError(f"set option {name}={value}: write {name}=true or {name}=false")
    return value == "true"
