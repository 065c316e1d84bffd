"""One reply on its way: its tokens so far, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

from .sampling import Draw

_SPARE = 4
"""Tokens that are looked at beside those that a stop text may take: decoding changes with what stands before."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a model for one reply."""

    prompt: tuple[int, ...]
    """Tokens."""
    cap: int
    """Tokens of the reply at the most."""
    draw: Draw = Draw()
    ends: frozenset[int] = frozenset()
    """Tokens that end a reply."""
    stops: tuple[str, ...] = ()
    """Texts that do, and are no part of it."""
    opened: str = ""
    """What the template has already written of the reply."""


@dataclass(slots=True, eq=False)
class Row:
    """A reply under way."""

    ask: Ask
    decode: Callable[[Sequence[int]], str]
    """Tokens to text, without the special ones."""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    others: list[list[tuple[int, float]]] = field(default_factory=list)
    """At each place, the likeliest tokens with their log-probabilities."""
    finish: Literal["", "stop", "length"] = ""
    """Empty while it goes on."""
    _cut: bool = False
    text: str = ""
    """The reply, once it has ended."""

    @property
    def context(self) -> tuple[int, ...]:
        """All tokens that the next one follows."""
        return (*self.ask.prompt, *self.tokens)

    @property
    def length(self) -> int:
        """Tokens so far."""
        return len(self.ask.prompt) + len(self.tokens)

    @property
    def longest(self) -> int:
        """Tokens that prompt and reply come to at the most."""
        return len(self.ask.prompt) + self.ask.cap

    def take(self, token: int) -> None:
        """The next token."""
        self.tokens.append(token)
        if token in self.ask.ends or (self.ask.stops and self._stopped()):
            self.finish = "stop"
        elif len(self.tokens) >= self.ask.cap:
            self.finish = "length"
        if self.finish and not self._cut:
            self.text = self.ask.opened + self.decode(self.tokens)

    def _stopped(self) -> bool:
        """Whether a stop text has come; a token may hold no more than a byte of it."""
        longest = max(len(stop.encode("utf-8", "surrogatepass")) for stop in self.ask.stops)
        tail = self.decode(self.tokens[-longest - _SPARE :])
        if not any(stop in tail for stop in self.ask.stops):
            return False
        text = self.decode(self.tokens)
        places = [at for stop in self.ask.stops if (at := text.find(stop)) >= 0]
        if places:
            self.text, self._cut = self.ask.opened + text[: min(places)], True
        return self._cut


@dataclass(slots=True, eq=False)
class Job:
    """The rows of one call, which end together; `done` is cancelled when nobody waits for them any more."""

    rows: tuple[Row, ...]
    done: Future[tuple[Row, ...]] = field(default_factory=Future)

    def settle(self) -> None:
        """Hands over the rows once the last one has ended."""
        if all(row.finish for row in self.rows) and self._claimed():
            self.done.set_result(self.rows)

    def fail(self, error: BaseException) -> None:
        """Ends it without rows, once."""
        if self._claimed():
            self.done.set_exception(error)

    def _claimed(self) -> bool:
        return not self.done.done() and self.done.set_running_or_notify_cancel()

    @property
    def unwanted(self) -> bool:
        return self.done.done()
