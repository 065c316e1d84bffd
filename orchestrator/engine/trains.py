"""Requests that share a prefix leave one after the other: the trains of a lane's queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .prefix import Prefix

LONGEST = 64
"""Requests of a train: so many at the most go before one that came earlier."""


@dataclass(slots=True, eq=False)
class Train:
    """Those that wait and share a prefix; they have the place of the first of them."""

    ticket: int
    carried: int = 0
    """Since it began."""
    waiting: int = 0


class Trains:
    """The trains of one lane, by prefix. Inside of one there are others, of those that share more."""

    def __init__(self) -> None:
        self._by_name: dict[int, Train] = {}

    def place(self, prefixes: Sequence[Prefix], ticket: int) -> tuple[int, ...]:
        """The place in the queue of a request that comes now; the lower, the sooner."""
        return (*(self._joined(prefix.name, ticket) for prefix in prefixes), ticket)

    def leave(self, prefixes: Sequence[Prefix]) -> None:
        """One of those waits no longer."""
        for prefix in prefixes:
            train = self._by_name[prefix.name]
            train.waiting -= 1
            if not train.waiting:
                del self._by_name[prefix.name]

    def waiting(self, prefix: Prefix) -> int:
        """How many wait that share a prefix."""
        train = self._by_name.get(prefix.name)
        return 0 if train is None else train.waiting

    def _joined(self, name: int, ticket: int) -> int:
        train = self._by_name.get(name)
        if train is None:
            train = self._by_name[name] = Train(ticket)
        elif train.carried >= LONGEST:
            train.ticket, train.carried = ticket, 0
        train.carried += 1
        train.waiting += 1
        return train.ticket
