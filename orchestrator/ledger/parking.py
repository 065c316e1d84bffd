"""Those who wait for room, in the order of their priorities."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from .amount import NOTHING, Amount

if TYPE_CHECKING:
    from .claim import Claim


@dataclass(order=True, slots=True)
class Parked:
    """Somebody who waits at a scope until there may be room."""

    priority: tuple[int, ...]
    number: int
    need: Amount = field(compare=False)
    wake: Callable[[], None] = field(compare=False)
    claim: Claim | None = field(compare=False, default=None)
    queue: Parking | None = field(compare=False, default=None)
    gone: bool = field(compare=False, default=False)

    def leave(self) -> bool:
        """Whoever waited does not any more; whether others may go on for that, so that the scope is to be stirred."""
        foremost = self.queue is not None and self.queue.first() is self
        self.gone = True
        return foremost


@dataclass(slots=True)
class Parking:
    """A queue of those who wait."""

    heap: list[Parked]
    least: Amount
    """None of them needs less in any dimension."""
    most: Amount
    """None of them needs more in any dimension."""

    def push(self, parked: Parked) -> None:
        parked.queue = self
        heapq.heappush(self.heap, parked)
        self.least, self.most = self.least.or_less(parked.need), self.most.or_more(parked.need)

    def first(self) -> Parked | None:
        """The one of the best priority who still waits."""
        while self.heap and self.heap[0].gone:
            heapq.heappop(self.heap)
        return self.heap[0] if self.heap else None

    def pop(self) -> Parked:
        """Takes out the first."""
        return heapq.heappop(self.heap)

    def take(self, wanted: Callable[[Parked], bool]) -> list[Parked]:
        """Takes out all who are wanted, wherever they stand."""
        live = [parked for parked in self.heap if not parked.gone]
        taken = [parked for parked in live if wanted(parked)]
        if taken:
            out = set(map(id, taken))
            self.heap = [parked for parked in live if id(parked) not in out]
            heapq.heapify(self.heap)
            self.most = reduce(Amount.or_more, (parked.need for parked in self.heap), NOTHING)
        return taken
