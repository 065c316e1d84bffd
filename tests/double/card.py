"""Swap mode: a card on which only some models fit, as servers have it that load what they are asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Ticket:
    """One request on the card, or in the queue for it."""

    model: str
    start: Callable[[], object]
    running: bool = False


@dataclass(eq=False)
class Card:
    """First come, first served: a request for a model that is not loaded holds up everything behind it.

    A model goes when room is needed and nothing of it runs, the longest unused first.
    """

    resident: int = 1
    """Models that fit."""
    load_s: float = 0.0
    """Seconds to load one."""
    slots: int = 0
    """Requests that are answered at once; 0: any number."""
    loads: dict[str, int] = field(default_factory=dict)
    """How often each model was loaded."""
    _queue: deque[Ticket] = field(default_factory=deque)
    _running: dict[str, int] = field(default_factory=dict)
    """By loaded model, the longest unused first."""
    _loading: set[str] = field(default_factory=set)
    _advancing: bool = False

    def enter(self, model: str, start: Callable[[], object]) -> Ticket:
        """Has `start` called as soon as the request may be worked on."""
        ticket = Ticket(model, start)
        self._queue.append(ticket)
        self._advance()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """It has been answered, or its client has gone."""
        if ticket.running:
            self._running[ticket.model] -= 1
        else:
            self._queue.remove(ticket)
        self._advance()

    def _advance(self) -> None:
        if self._advancing:
            return  # an answer that took no time made room: the loop below goes on
        self._advancing = True
        while self._queue and self._starts(self._queue[0]):
            ticket = self._queue.popleft()
            ticket.running = True
            self._running[ticket.model] = self._running.pop(ticket.model) + 1
            ticket.start()
        self._advancing = False

    def _starts(self, ticket: Ticket) -> bool:
        if ticket.model in self._running:
            busy = sum(self._running.values())
            return ticket.model not in self._loading and not (self.slots and busy >= self.slots)
        if len(self._running) < self.resident or self._evicted():
            self._running[ticket.model] = 0
            self._loading.add(ticket.model)
            self.loads[ticket.model] = self.loads.get(ticket.model, 0) + 1
            asyncio.get_running_loop().call_later(self.load_s, self._loaded, ticket.model)
        return False

    def _evicted(self) -> bool:
        idle = next((m for m, count in self._running.items() if not count and m not in self._loading), None)
        if idle is not None:
            del self._running[idle]
        return idle is not None

    def _loaded(self, model: str) -> None:
        self._loading.discard(model)
        self._advance()
