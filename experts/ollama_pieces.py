"""Answers of Ollama that come in pieces, a line of JSON each, put together again as they would have come whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .events import Lines
from .pieces import BrokenOff, Interrupted, Unreadable

_TEXTS = ("content", "response", "thinking")
_LISTS = ("logprobs", "tool_calls")


class OllamaPieces:
    """Pieces of chats and of texts that go on; see `Pieces`."""

    asked: Mapping[str, Any] = {"stream": True}

    def __init__(self) -> None:
        self.begun = self.ended = False
        self._lines = Lines()
        self._head: dict[str, Any] = {}
        """What the pieces tell beside the text; the last one has the tokens."""
        self._outer, self._message = dict[str, list[Any]](), dict[str, list[Any]]()
        """Of each field that is written piece by piece."""
        self._chat = False

    def take(self, data: bytes) -> None:
        """See `Pieces`."""
        try:
            self._add_all(self._lines.feed(data))
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            why = f"{type(error).__name__}: {error}"
            raise Unreadable(f"the answer in pieces has not the shape of one ({why})") from None

    def whole(self) -> dict[str, Any]:
        """See `Pieces`."""
        if not self.ended:
            try:
                self._add_all(self._lines.end())
            except (AttributeError, TypeError, ValueError, RecursionError):
                raise BrokenOff from None  # half of a piece
        if not self.ended:
            raise BrokenOff
        message = {"message": {"role": "assistant", **_joined(self._message)}} if self._chat else {}
        return {**self._head, **_joined(self._outer), **message}

    def _add_all(self, lines: Sequence[str]) -> None:
        for line in lines:
            if line.strip() and not self.ended:
                self._add(line)

    def _add(self, line: str) -> None:
        piece = json.loads(line)
        if piece.get("error"):
            raise Interrupted(line)
        self.begun = True
        message = piece.pop("message", None)
        self._chat = self._chat or message is not None
        _gather(message or {}, self._message)
        self._head |= _gather(piece, self._outer)
        self.ended = bool(piece.get("done"))


def _gather(piece: Mapping[str, Any], parts: dict[str, list[Any]]) -> dict[str, Any]:
    """Puts the parts of texts and lists to those before them; returns what else a piece has."""
    for name in (*_TEXTS, *_LISTS):
        if value := piece.get(name):
            parts.setdefault(name, []).append(value)
    return {name: value for name, value in piece.items() if name not in (*_TEXTS, *_LISTS)}


def _joined(parts: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    texts = {name: "".join(parts[name]) for name in _TEXTS if name in parts}
    lists = {name: [item for some in parts[name] for item in some] for name in _LISTS if name in parts}
    return {**texts, **lists}
