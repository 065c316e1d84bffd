"""What commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import math
import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import NoReturn, TextIO

PIPE_CLOSED = 141
"""Exit code once nobody reads the output any more, as of a process that SIGPIPE ended."""

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_NAMES = 22
"""Cells for the names in a list."""
_JOINERS = "\u200c\u200d"
"""Signs without a width that words and emoji are written with; they change nothing but their neighbours."""


def out(text: str) -> None:
    """Prints a line of results."""
    _write(f"{text}\n")


def out_json(schema: str, fields: Mapping[str, object]) -> None:
    """Prints one JSON object; a number that JSON has no form for is null."""
    out(json.dumps(_finite({"schema": schema, **fields}), allow_nan=False))


def note(text: str) -> None:
    """Prints one line on standard error; on a terminal that is narrower, in several, broken between words."""
    line = fitted(visible(text, keep=""))
    try:
        print(line, file=sys.stderr, flush=True)
    except BrokenPipeError:
        _nobody_reads(sys.stderr.fileno())


def fitted(line: str) -> str:
    """A line for standard error; for a terminal that is narrower, in several."""
    return _folded(line, _columns(sys.stderr), indent=2) if sys.stderr.isatty() else line


def visible(text: str, keep: str = "\n\t") -> str:
    """Text of a model or a file with what could steer a terminal made visible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or c in _JOINERS or not _steers(c) else _escaped(c) for c in text)


def _steers(c: str) -> bool:
    return unicodedata.category(c) in _HIDDEN


def _escaped(c: str) -> str:
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    code = ord(c)
    return short.get(c) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")


def _finite(value: object) -> object:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {str(key): _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _nobody_reads(sys.stdout.fileno())


def _nobody_reads(fd: int) -> NoReturn:
    # What Python flushes on its way out must not fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
    raise SystemExit(PIPE_CLOSED) from None


def out_entry(name: str, about: str) -> None:
    """Prints a name and what it stands for; on a terminal folded beside the name."""
    head = f"  {visible(name, keep=''):<{_NAMES}} "
    out_folded(head + visible(about, keep=""), indent=len(head) if len(head) <= _NAMES + 3 else 6)


def out_folded(text: str, indent: int = 4) -> None:
    """Prints a line; on a terminal that is narrower it goes on in further lines, indented."""
    width = terminal_width()
    out(text if width is None else _folded(text, width, indent))


def _folded(text: str, width: int, indent: int) -> str:
    import textwrap

    if len(text) <= width:
        return text
    lines = textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines)


def terminal_width() -> int | None:
    """Columns of the terminal that results go to; `None`: they go elsewhere."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _columns(stream: TextIO) -> int:
    """Columns of the terminal behind a stream; `COLUMNS` says otherwise."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
