"""A cache of the beginnings of prompts, in blocks of tokens, as servers have it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from .behaviour import Behaviour

_A_TOKEN = 4
"""Characters of a token, as prompts are counted."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the cache does for one prompt."""

    cached: int = 0
    """Tokens that are read from it."""
    written: int = 0
    """Tokens that are written into it, where that is billed apart."""
    warms: tuple[bytes, ...] = ()
    """Names of the beginnings that it holds afterwards."""


NOTHING = Kept()


@dataclass(eq=False)
class Cache:
    """Everything that was read once stays."""

    held: set[bytes] = field(default_factory=set)

    def keep(self, names: Sequence[bytes]) -> None:
        self.held.update(names)

    def look(self, behaviour: Behaviour, model: str, messages: Sequence[Mapping[str, Any]]) -> Kept:
        """What is read for a prompt, and what will be held of it."""
        if not behaviour.cache:
            return NOTHING
        ends = _marked(model, messages) if behaviour.cache_marked else _blocks(behaviour.cache, model, messages)
        there = [(tokens, name) for tokens, name in ends if tokens >= behaviour.cache_least]
        cached = max((tokens for tokens, name in there if name in self.held), default=0)
        most = max((tokens for tokens, _ in there), default=0)
        written = most - cached if behaviour.cache_marked else 0
        return Kept(cached, written, tuple(name for _, name in there))


def _blocks(size: int, model: str, messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, bytes]]:
    text, step = _flat(messages), size * _A_TOKEN
    state = blake2b(model.encode(), digest_size=16)
    for end in range(step, len(text) + 1, step):
        state.update(text[end - step : end].encode())
        yield end // _A_TOKEN, state.copy().digest()


def _marked(model: str, messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, bytes]]:
    """What is before each mark, by the pieces that it is made of."""
    state, length = blake2b(model.encode(), digest_size=16), 0
    for message in messages:
        content = message.get("content") or ""
        for part in [{"text": content}] if isinstance(content, str) else content:
            state.update(json.dumps([message.get("role"), part.get("text")]).encode())
            length += len(part.get("text", ""))
            if part.get("cache_control"):
                yield length // _A_TOKEN, state.copy().digest()


def _flat(messages: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"\0{message.get('role')}\0{_text(message.get('content') or '')}" for message in messages)


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
