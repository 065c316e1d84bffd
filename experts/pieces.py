"""Answers of OpenAI's protocol that come in pieces, put together again as they would have come whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .events import Event, Events

_SHAPING = frozenset({"audio", "modalities", "stream", "stream_options"})
"""Fields that a user may send along, and that make another answer of it than one of texts."""
_DONE = "[DONE]"


class Pieces(Protocol):
    """An answer that comes in pieces."""

    asked: Mapping[str, Any]
    """The fields of a request that has it come so."""
    begun: bool
    """Whether its first token is there, be it one of hidden reasoning."""
    ended: bool
    """Whether all of it is there, so that nothing more need be read."""

    def take(self, data: bytes) -> None:
        """Adds what has come, wherever it was cut.

        Raises:
            Unreadable: it has not the shape of an answer in pieces.
            Interrupted: the server tells of an error.
        """
        ...

    def whole(self) -> Any:
        """The body of the answer, once nothing more comes.

        Raises:
            BrokenOff: it ended before its end.
            Unreadable, Interrupted: as above.
        """
        ...


class Unreadable(Exception):
    """Not the shape of an answer in pieces: this server's cannot be read. Its words say what was wrong."""


class BrokenOff(Exception):
    """Something is missing at the end."""


class Interrupted(Exception):
    """The server tells of an error where a piece should be."""

    def __init__(self, body: str) -> None:
        super().__init__(body)
        self.body = body
        """As an answer that was no success would have it."""


def listener(pieces: Pieces, began: Callable[[], None]) -> Callable[[bytes], bool]:
    """Takes an answer as it comes and tells of its first token; returns whether all of it is there."""

    def take(data: bytes) -> bool:
        before = pieces.begun
        try:
            pieces.take(data)
        finally:
            if pieces.begun and not before:
                began()
        return pieces.ended

    return take


def mendable(extra: Mapping[str, Any]) -> bool:
    """Whether an answer can be put together again that is asked for with these fields of the user's."""
    return _SHAPING.isdisjoint(extra)


@dataclass(slots=True, eq=False)
class _Call:
    """One call of a tool."""

    id: str = ""
    name: str = ""
    arguments: list[Any] = field(default_factory=list)

    def whole(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": _joined(self.arguments)},
        }


@dataclass(slots=True, eq=False)
class _Choice:
    """One choice of an answer."""

    parts: dict[str, list[Any]] = field(default_factory=dict)
    """Of each field that is written piece by piece."""
    calls: list[_Call] = field(default_factory=list)
    at: dict[Any, _Call] = field(default_factory=dict)
    """The last call of each index."""
    logprobs: dict[str, list[Any]] = field(default_factory=dict)
    finish: object = None
    plain: bool = False
    """Whether it is one of a text that goes on, and not of a chat."""

    def add(self, piece: Mapping[str, Any]) -> None:
        if (text := piece.get("text")) is not None:
            self.plain = True
            self.parts.setdefault("text", []).append(text)
        said = piece.get("message") if (delta := piece.get("delta")) is None else delta
        for name, value in (said or {}).items():
            if name == "tool_calls":
                for call in value or ():
                    self._add_call(call)
            elif isinstance(value, str | list) and value and name != "role":
                self.parts.setdefault(name, []).append(value)
        for name, value in (piece.get("logprobs") or {}).items():
            if isinstance(value, list):
                self.logprobs.setdefault(name, []).extend(value)
        self.finish = piece.get("finish_reason") or self.finish

    def _add_call(self, piece: Mapping[str, Any]) -> None:
        said = piece.get("function") or {}
        index, id_, name = piece.get("index"), piece.get("id") or "", said.get("name") or ""
        known = self.at.get(index) if index is not None else self.calls[-1] if self.calls else None
        # Some servers put every call at index 0; some give each piece of one call another id, but no name.
        if known is None or (name and id_ and known.name and id_ != known.id):
            known = self.at[index] = _Call()
            self.calls.append(known)
        known.id = known.id or id_
        known.name = known.name or name
        if (arguments := said.get("arguments")) is not None:
            known.arguments.append(arguments)

    def whole(self, index: int) -> dict[str, Any]:
        fields = {name: _joined(parts) for name, parts in self.parts.items()}
        ends = {"index": index, "finish_reason": self.finish, "logprobs": self.logprobs or None}
        if self.plain:
            return {"text": fields["text"], **ends}
        calls = {"tool_calls": [call.whole() for call in self.calls]} if self.calls else {}
        return {"message": {"role": "assistant", "content": None, **fields, **calls}, **ends}


class OpenAIPieces:
    """Pieces of chats and of texts that go on.

    Args:
        choices: how many were asked for.
    """

    asked: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}

    def __init__(self, choices: int) -> None:
        self.begun = self.ended = False
        self._asked = choices
        self._events = Events()
        self._head: dict[str, Any] = {}
        """What the pieces tell of the answer as a whole; the last one has the tokens."""
        self._choices: dict[int, _Choice] = {}

    def take(self, data: bytes) -> None:
        self._all(lambda: self._events.feed(data))

    def whole(self) -> dict[str, Any]:
        if not self.ended:
            self._end()
        choices = self._choices
        if not choices or any(choice.finish is None for choice in choices.values()):
            if self.ended:
                raise Unreadable("the answer in pieces tells of no end")
            raise BrokenOff
        if not self.ended and len(choices) < self._asked:
            raise BrokenOff  # those that are still to come may have been lost
        return {**self._head, "choices": [choices[index].whole(index) for index in sorted(choices)]}

    def _end(self) -> None:
        try:
            self._all(self._events.end)
        except Unreadable:
            raise BrokenOff from None  # half of a piece

    def _all(self, came: Callable[[], Sequence[Event]]) -> None:
        try:
            for event in came():
                if not self.ended:
                    self._add(event)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            why = f"{type(error).__name__}: {error}"
            raise Unreadable(f"the answer in pieces has not the shape of one ({why})") from None

    def _add(self, event: Event) -> None:
        if event.data.strip() == _DONE:
            self.ended = True
            return
        if event.kind == "error":
            raise Interrupted(event.data)
        piece = json.loads(event.data)
        if piece.get("error") or piece.get("object") == "error":
            raise Interrupted(event.data)
        self._head |= {name: value for name, value in piece.items() if value and name != "choices"}
        for choice in piece.get("choices") or ():
            self.begun = True
            self._choices.setdefault(int(choice.get("index") or 0), _Choice()).add(choice)


def _joined(parts: Sequence[Any]) -> Any:
    """Texts in one; with lists of parts among them, one list of parts."""
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    if len(parts) == 1:
        return parts[0]
    lists = [part if isinstance(part, list) else [{"type": "text", "text": part}] for part in parts]
    return [part for parts in lists for part in parts]
