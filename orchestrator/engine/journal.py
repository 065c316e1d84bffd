"""What a journal promises, and the one that lives in memory.

Every reply is committed before its text reaches a strategy; every attempt is a row before it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from sys import getsizeof
from typing import Protocol

from orchestrator.ledger import Amount, Losses
from orchestrator.types import Completion, Tokens

from .batching.log import BatchLog, MemoryBatchLog

_BESIDE = 800
"""Bytes of a reply beside its texts."""
_MOST_LINKS = 100_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is about to leave: one call to a provider for one or more samples."""

    expert: str
    keys: tuple[bytes, ...]
    scopes: tuple[tuple[str, ...], ...]
    """Per sample, the names of the scopes that it is charged to."""
    worst: tuple[Amount, ...]
    """Per sample, what it reserved."""
    batch: str = ""
    """Token by which a provider's batch is found again; empty for a call that is answered at once."""


class Journal(Protocol):
    """The memory of a run. Look-ups are synchronous; writing returns once it is committed."""

    @property
    def losses(self) -> Losses:
        """What attempts of earlier processes cost without a reply, those left open included."""
        ...

    @property
    def batches(self) -> BatchLog:
        """Which batches are out."""
        ...

    def get(self, key: bytes) -> Completion | None:
        """The reply to a request, if it was ever given."""
        ...

    def linked(self, key: bytes) -> str | None:
        """Id of the expert that answered this request instead, if one did."""
        ...

    async def open(self, attempt: Attempt) -> int:
        """Commits that an attempt leaves now; returns its number."""
        ...

    async def reply(
        self, attempt: int, replies: Sequence[tuple[bytes, Completion]], bill: Tokens, spoiled: int = 0
    ) -> None:
        """Commits the replies of an attempt, all together, and what it was billed, `spoiled` samples included."""
        ...

    def fail(self, attempt: int, error: str, charged: bool) -> None:
        """Notes that an attempt brought nothing. Nobody waits: until it is committed the attempt counts as charged."""
        ...

    async def link(self, key: bytes, expert: str) -> None:
        """Commits that another expert answers this request."""
        ...

    async def aclose(self) -> None: ...


@dataclass(slots=True)
class MemoryJournal:
    """A journal for one process: what `solve()` uses unless it is told otherwise.

    A process that lives for weeks must not grow: beyond a bound it forgets what was longest not looked up, which is
    then asked and paid anew should anybody want it again.
    """

    replies: dict[bytes, Completion] = field(default_factory=dict)
    """The longest not looked up come first."""
    links: dict[bytes, str] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses)
    attempts: int = 0
    batches: BatchLog = field(default_factory=MemoryBatchLog)
    most: int = 256_000_000
    """Bytes that the replies may take."""
    held: int = field(init=False, default_factory=int)
    """Bytes that they take."""

    def get(self, key: bytes) -> Completion | None:
        found = self.replies.pop(key, None)
        if found is not None:
            self.replies[key] = found
        return found

    def linked(self, key: bytes) -> str | None:
        return self.links.get(key)

    async def open(self, attempt: Attempt) -> int:
        self.attempts += 1
        return self.attempts

    async def reply(
        self, attempt: int, replies: Sequence[tuple[bytes, Completion]], bill: Tokens, spoiled: int = 0
    ) -> None:
        for key, completion in replies:
            self._forget(key)
            self.replies[key] = completion
            self.held += _size(completion)
        while self.held > self.most and self.replies:
            self._forget(next(iter(self.replies)))

    def _forget(self, key: bytes) -> None:
        if (completion := self.replies.pop(key, None)) is not None:
            self.held -= _size(completion)

    def fail(self, attempt: int, error: str, charged: bool) -> None:
        return None

    async def link(self, key: bytes, expert: str) -> None:
        self.links[key] = expert
        if len(self.links) > _MOST_LINKS:
            del self.links[next(iter(self.links))]

    async def aclose(self) -> None:
        return None


def _size(completion: Completion) -> int:
    """Bytes that it takes, to some percent."""
    c = completion
    texts = getsizeof(c.text) + getsizeof(c.reasoning) + sum(getsizeof(call.arguments) for call in c.tool_calls)
    return _BESIDE + texts + 32 * (len(c.logprobs) + len(c.confidences)) + 160 * len(c.alternatives)
