"""The results of a run as lines of text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ConfigError

from .samples import LAYOUTS, check_one, sample_lines

if TYPE_CHECKING:
    from orchestrator.folder import RunView

_TOLD = ("problem", "strategy", "seed", "status", "correct", "answer", "confidence", "chosen_by", "stopped_by")
_USED = ("calls", "cached_calls", "prompt_tokens", "completion_tokens", "usd", "paid_usd", "seconds")


def exported(seen: RunView, format_: str, names: Sequence[str], candidates: bool) -> Iterator[str]:
    """The lines of an export, made as they are asked for.

    Args:
        format_: `jsonl`, `csv`, or a layout of programs.
        names: the rows whose results are wanted.
        candidates: of programs, every candidate.
    """
    if format_ in LAYOUTS:
        check_one(names)
        rows = (row for row in seen.results() if row.get("strategy") in names)
        return sample_lines(rows, format_, candidates)
    joined = (row for row in _joined(seen) if row.get("strategy") in names)
    return _csv(joined) if format_ == "csv" else map(_dumped, joined)


def save(lines: Iterator[str], output: Path) -> int:
    """Writes lines to a file, which is there whole or not at all; returns how many.

    Raises:
        ConfigError: it cannot be written.
    """
    from orchestrator.files import replacing

    count = 0
    try:
        with replacing(output) as file:
            for line in lines:
                count += 1
                file.write(f"{line}\n".encode())
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}") from error
    return count


class _Used:
    """What problems used. A run writes this in the order of its result lines, so that little is held at a time."""

    def __init__(self, seen: RunView) -> None:
        self._trace = seen.trace(lambda line: b"usage" not in line)
        self._ahead: dict[tuple[Any, ...], Any] = {}
        """Of problems whose lines are yet to come."""

    def by(self, line: Mapping[str, Any]) -> Any:
        """`None` where nobody knows."""
        from orchestrator.evals.earlier import USAGE

        wanted = _key(line)
        while wanted not in self._ahead and (row := next(self._trace, None)) is not None:
            if row.get("kind") == USAGE:
                self._ahead[_key(row)] = row.get("usage")
        return self._ahead.pop(wanted, None)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row.get("problem"), row.get("strategy"), row.get("seed")


def _joined(seen: RunView) -> Iterator[dict[str, Any]]:
    """Result lines with what each used."""
    used = _Used(seen)
    for row in seen.results():
        yield {**row, "usage": used.by(row)}


def _csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield _csv_line([*_TOLD, *_USED])
    for row in rows:
        usage = row["usage"] or {}
        yield _csv_line([*(row.get(name) for name in _TOLD), *(usage.get(name) for name in _USED)])


def _csv_line(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _dumped(row: dict[str, Any]) -> str:
    return json.dumps(row, allow_nan=False)
