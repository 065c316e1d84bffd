"""Events that a server sends as they happen (`text/event-stream`), however their bytes were cut on the way."""

from __future__ import annotations

import re
from typing import NamedTuple

_ENDS = re.compile(rb"\r\n|\n|\r")


class Lines:
    """Puts lines together again; they end with LF, with CR, or with both."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_cr = False
        self._first = True

    def feed(self, data: bytes) -> list[str]:
        """The lines that are whole now.

        Raises:
            UnicodeDecodeError: they are no UTF-8.
        """
        if not data:
            return []
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]  # the other half of an end that was taken for a whole one
        self._after_cr = data.endswith(b"\r")
        if b"\n" not in data and b"\r" not in data:
            self._rest += data  # a line may come in very many pieces: it is looked through once
            return []
        *whole, rest = _ENDS.split(bytes(self._rest) + data)
        self._rest = bytearray(rest)
        return [self._read(line) for line in whole]

    def end(self) -> list[str]:
        """What came last, and without an end."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [self._read(rest)] if rest else []

    def _read(self, line: bytes) -> str:
        text = line.decode()
        if self._first:
            self._first, text = False, text.removeprefix("\ufeff")
        return text


class Event(NamedTuple):
    """One event."""

    kind: str
    """Its name; empty where it has none."""
    data: str


class Events:
    """Puts events together again. Comments, which keep a connection alive, are left out."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._kind, self._data = "", list[str]()

    def feed(self, data: bytes) -> list[Event]:
        """The events that are whole now.

        Raises:
            UnicodeDecodeError: they are no UTF-8.
        """
        return self._take(self._lines.feed(data))

    def end(self) -> list[Event]:
        """What came last, and without the empty line that ends an event: not every server writes one."""
        return self._take([*self._lines.end(), ""])

    def _take(self, lines: list[str]) -> list[Event]:
        found = []
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                found.append(Event(self._kind, "\n".join(self._data)))
            if not line:
                self._kind, self._data = "", []
        return found

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "error":  # as older llama.cpp tells one
            self._kind, self._data = "error", [value]
