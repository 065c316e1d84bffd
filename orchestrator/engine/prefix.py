"""The beginnings of a conversation, each by a hash: requests share a prefix where they share a hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.types import Message, Request, canonical

LEAST = 4096
"""Characters of the shortest prefix that counts: about a thousand tokens, below which hosted servers cache nothing."""

APART = 1024
"""Characters that at least lie between one prefix and the next."""

A_TOKEN = 4
"""Characters of a token, about; where they are fewer, prefixes are longer than they are taken to be."""


class Prefix(NamedTuple):
    """One beginning of a conversation."""

    name: int
    """Its hash, which is good for one process: it decides who leaves with whom, and nothing that is kept."""
    length: int
    """Characters."""
    message: int
    """Number of the message in which it ends."""
    end: int
    """Characters of that message's text that belong to it."""

    @property
    def tokens(self) -> int:
        """About so many."""
        return self.length // A_TOKEN


def prefixes_of(request: Request) -> tuple[Prefix, ...]:
    """The prefixes of a request, the shortest first; none of a short one.

    They end with messages, and inside of long ones at fixed lengths, each by a quarter to a half longer than the one
    before: what two requests share is found but for a third. The last is the whole conversation. Where an image or a
    call of a tool comes they end, as these are no texts.
    """
    messages = request.messages
    if request.sampling.mode == "embedding":
        return ()  # each text is by itself
    if sum(len(message.content) for message in messages if isinstance(message.content, str)) < LEAST:
        return ()
    return tuple(_found(request, messages))


def _found(request: Request, messages: tuple[Message, ...]) -> Iterator[Prefix]:
    # Python's own hash of texts: a third of the time that a cryptographic one takes.
    state, length, last = hash(_before(request)), 0, 0
    steps = _steps()
    step = next(steps)
    for number, message in enumerate(messages):
        text = message.content
        if not isinstance(text, str) or message.tool_calls or message.tool_call_id is not None:
            return
        state = hash((state, message.role))
        begin = 0
        while (more := step - length) <= len(text) - begin:
            state = hash((state, text[begin : begin + more]))
            begin, length = begin + more, step
            yield Prefix(state, length, number, begin)
            last, step = length, next(steps)
        state = hash((state, text[begin:]))
        length += len(text) - begin
        if length >= LEAST and length > last and (length - last >= APART or number + 1 == len(messages)):
            last = length
            yield Prefix(hash((state, None)), length, number, len(text))
        while step <= length:
            step = next(steps)


def _before(request: Request) -> bytes:
    """What servers put before a conversation."""
    if not request.tools and request.response_format is None:
        return b""
    return canonical([[dict(tool) for tool in request.tools], dict(request.response_format or {})])


def _steps() -> Iterator[int]:
    """Lengths in characters: 4, 6, 8, 12, 16 thousand and so on."""
    step = LEAST
    while True:
        yield step
        yield step * 3 // 2
        step *= 2
