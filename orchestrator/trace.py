"""The trace: what happened on one problem, as typed events that cite journal keys and never hold texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .types import Event, Json, Place


@dataclass(slots=True)
class Trace:
    """Append-only. `clock` gives seconds; only differences count."""

    clock: Callable[[], float]
    start: float = field(init=False)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start = self.clock()

    def add(self, kind: str, place: Place, **facts: Json) -> None:
        self.events.append(Event(kind, place, self.clock() - self.start, facts))

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]
