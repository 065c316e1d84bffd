"""The lane of one expert: what waits for it, in which order it leaves, and what leaves together."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Protocol, TypeAlias, runtime_checkable

from orchestrator.errors import ExpertError, RateLimited, Stopped
from orchestrator.ledger import Scope
from orchestrator.protocols import Backend
from orchestrator.types import Expert, Response

from .aimd import Window
from .backoff import Backoff
from .boarding import admitted, join, lead, tokens_of
from .breaker import INSTANT, Breaker
from .flight import Departure, Flight, State
from .gate import AlwaysOpen, Gate
from .prefixes import Prefixes
from .throttle import Throttle

_LATE = 1e-6
"""Seconds that a timer is set late: one that fires before its time, by a rounding error, would be set again at once."""


@runtime_checkable
class Preparing(Protocol):
    """A backend whose first call would take longer than others."""

    async def prepare(self) -> None: ...


class Tower(Protocol):
    """What a lane reports to."""

    def depart(self, lane: Lane, departure: Departure) -> None:
        """Its flights hold their reservations: make the attempt."""
        ...

    def refuse(self, flight: Flight, error: Exception) -> None:
        """No attempt will be made for `flight`."""
        ...

    def drop(self, flight: Flight) -> None:
        """Nobody waits for `flight` any more."""
        ...


Entry: TypeAlias = tuple[tuple[int, int], tuple[int, ...], int, Flight]
"""Priority, ticket and sample index of a flight in a queue."""


class Lane:
    """Queues flights by (turn, -stage) and lets them leave when the gate, the circuit, the window and the ledger agree.

    Requests present in one pass of the event loop that differ only in their sample index leave as one `n=k` attempt.
    Of those with one priority the ones that share a long prefix leave one after the other.
    """

    def __init__(
        self,
        expert: Expert,
        backend: Backend,
        tower: Tower,
        clock: Callable[[], float],
        gate: Gate | None = None,
    ) -> None:
        self.expert, self.backend = expert, backend
        self.window = Window(expert.concurrency)
        self.breaker = Breaker(clock)
        self.throttle = Throttle(expert)
        self._unprepared = backend if isinstance(backend, Preparing) else None
        self.out = 0
        self.closed = False
        self._tower, self._clock = tower, clock
        self._backoff = Backoff(clock)
        self._gate: Gate = gate or AlwaysOpen()
        self._queue: list[Entry] = []
        self._mates: dict[bytes, dict[Flight, None]] = {}
        self._prefixes = Prefixes(expert, backend, clock, self._back)
        self._tickets = count(1)
        self._pump_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._paced_until = 0.0

    @property
    def queued(self) -> int:
        """Flights that wait here, those parked on a scope not among them."""
        return sum(len(mates) for mates in self._mates.values())

    @property
    def hold(self) -> float:
        """Seconds until anything may leave, after a 429 or while the circuit is open; 0 when something may now."""
        return max(0.0, self._opens_at - self._clock())

    @property
    def paced(self) -> float:
        """Seconds until the next may leave by the limits on requests and tokens a minute; 0 when they hold none."""
        return max(0.0, self._paced_until - self._clock()) if self._mates else 0.0

    @property
    def _opens_at(self) -> float:
        return max(self._backoff.until, self.breaker.retry_at if not self.breaker.closed else 0.0)

    # -- in -----------------------------------------------------------------------------

    def enter(self, flight: Flight) -> None:
        """Puts a flight into the queue, or to a better place in it."""
        flight.state, flight.departure = State.QUEUED, None
        if flight.parked:
            flight.unpark()
        mates = self._mates.setdefault(flight.request.base, {})
        if flight in mates:
            self._prefixes.remove(flight)
        flight.ticket = self._prefixes.enter(flight, next(iter(mates), None), next(self._tickets))
        mates[flight] = None
        self._back((flight,))

    def remove(self, flight: Flight) -> None:
        """Takes a flight out of the queue, and from the scopes where it was parked."""
        if flight.parked:
            flight.unpark()
        if flight.woken:
            flight.hand_on()
        mates = self._mates.get(flight.request.base)
        if mates is None or flight not in mates:
            return
        del mates[flight]
        self._prefixes.remove(flight)
        if not mates:
            del self._mates[flight.request.base]

    def holds(self, flight: Flight) -> bool:
        """Whether a flight waits here, and not on a scope."""
        return flight in self._mates.get(flight.request.base, ())

    def succeeded(self) -> None:
        """An attempt brought replies."""
        self._backoff.succeeded()
        self.window.succeeded()
        self.breaker.succeeded()

    def failed(self, error: ExpertError, departure: Departure) -> None:
        """An attempt failed; after a 429 nothing leaves for as long as the server asks, or longer with every burst."""
        self.breaker.failed(error, departure.probe)
        if isinstance(error, RateLimited):
            first = self.window.limited(departure.generation)
            # With nobody waiting it was our own pace that the server was seen to take, not its limit.
            shows, asked = first and bool(self._mates), tokens_of(departure.flights)
            self.throttle.refused(shows, departure.generation, error.stated, asked, self._clock())
            self._backoff.limited(first, error.retry_after or 0.0)

    def close(self) -> None:
        """Lets nothing leave any more; what is out may land, what enters is refused."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()

    # -- out ----------------------------------------------------------------------------

    async def prepare(self, departure: Departure) -> None:
        """Returns when a departure may be sent."""
        if self._unprepared is not None:
            await self._unprepared.prepare()
            self._unprepared = None
        await self.throttle.leave(departure.permit)

    async def complete(self, departure: Departure) -> Response:
        """The backend's answer to a departure."""
        requests = [flight.request for flight in departure.flights]
        if departure.shared is None:
            return await self.backend.complete(requests)
        return await self._prefixes.complete(departure.shared, requests)

    def ended(self, departure: Departure) -> None:
        """A departure has ended, whichever way."""
        self.out -= 1
        if departure.shared is not None:
            self._prefixes.ended(departure.shared)
        self.pump_soon()

    def _back(self, flights: Sequence[Flight]) -> None:
        """Puts those of the flights that still wait here into the queue, each to its place."""
        for flight in flights:
            if flight.state is State.QUEUED and self.holds(flight):
                heapq.heappush(self._queue, (flight.priority, flight.ticket, flight.request.sample_index, flight))
        self.pump_soon()

    def pump_soon(self) -> None:
        """Looks at the queue once everything that is ready in this pass of the event loop has entered it."""
        if not self._pump_due:
            self._pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_due = False
        try:
            self._let_out()
        except Exception as error:
            # No call to a server failed, so nothing is tried again; unheard, whoever waits here would wait for ever.
            self._fail_all(error)

    def _let_out(self) -> None:
        self.breaker.come_back()
        if self.closed:
            self._fail_all(Stopped())
        elif self.breaker.lost is not None:
            self._fail_all(self.breaker.lost)
        while self._queue and self._may_leave():
            _, ticket, _, flight = self._queue[0]
            stale = flight.ticket != ticket or flight.state is not State.QUEUED or self._prefixes.holds(flight)
            if not stale and self._throttled(flight):
                break
            heapq.heappop(self._queue)
            if stale or not self._board(flight):
                continue
            self._depart([flight, *self._board_mates(flight)])
        if not self._mates:
            self.throttle.rested()
        self._gate.pumped(self.expert, len(self._mates))

    def _depart(self, group: list[Flight]) -> None:
        group.sort(key=lambda f: f.request.sample_index)
        generation = self.window.generation
        leaves = self.breaker.leaves()
        try:
            permit = self.throttle.take(tokens_of(group), self._clock(), generation)
            shared = self._prefixes.leaves(group)
            self._tower.depart(self, Departure(group, generation, leaves, permit=permit, shared=shared))
        except Exception as error:
            self.breaker.cancelled(leaves)
            for flight in group:
                flight.settle_failure(charged=False)
            self._refuse(group, error)
            raise
        self.out += 1

    def _may_leave(self) -> bool:
        if self.closed or not self.window.room(self.out):
            return False
        if self.hold > INSTANT:
            self._pump_at(self._opens_at)
            return False
        return self._gate.open(self.expert) and self.breaker.admits()

    def _throttled(self, flight: Flight) -> bool:
        """Whether a rate limit holds the next of the queue; one that its scopes hold anyway waits there instead."""
        now = self._clock()
        when = self.throttle.opens_at(flight.worst.tokens, now)
        if when - now <= INSTANT or not admitted(flight):
            return False
        self._paced_until = when
        self._pump_at(when)
        return True

    def _pump_at(self, when: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + when - self._clock() + _LATE
        if self._timer is not None and not self._timer.cancelled():
            if loop.time() < self._timer.when() and abs(self._timer.when() - due) < INSTANT:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self.pump_soon)

    def _fail_all(self, error: Exception) -> None:
        flights = [flight for mates in self._mates.values() for flight in mates]
        self._queue.clear()
        self._mates.clear()
        for flight in flights:
            self._prefixes.remove(flight)
        self._refuse(flights, error)

    def _refuse(self, flights: Sequence[Flight], error: Exception) -> None:
        for flight in flights:
            self._tower.refuse(flight, error)

    def _board_mates(self, first: Flight) -> list[Flight]:
        room = self.backend.max_n - 1
        if room < 1 or first.alone or first.request.sampling.seed is not None or not self.breaker.closed:
            return []
        mates = sorted(self._mates.get(first.request.base, ()), key=lambda f: f.request.sample_index)
        boarded: list[Flight] = []
        tokens, now = first.worst.tokens, self._clock()
        for mate in mates:
            if len(boarded) >= room or not self.throttle.fits(tokens + mate.worst.tokens, now):
                break
            if not mate.alone and self._board(mate):
                boarded.append(mate)
                tokens += mate.worst.tokens
        return boarded

    # -- the ledger ---------------------------------------------------------------------

    def _board(self, flight: Flight) -> bool:
        """Reserves for a flight; one that is held back is parked on the scopes that hold it."""
        woken, flight.woken = flight.woken, ()
        self.remove(flight)
        boarded = self._reserve(flight)
        flight.woken = woken
        flight.hand_on()
        return boarded

    def _reserve(self, flight: Flight) -> bool:
        flight.ticket = (next(self._tickets),)
        held = lead(flight)
        if flight.leader is None:
            if held:
                for waiter, scope in held:
                    seat, wake = waiter.seat, partial(self._unpark, flight, scope)
                    place = scope.park(seat.priority, flight.worst, wake, seat.claim, self.expert.id)
                    flight.parked.append((place, scope))
            else:
                self._tower.drop(flight)
            return False
        flight.state, flight.abandoned = State.OUT, False
        for waiter, _ in held:
            join(flight, waiter)
        for waiter in flight.wanted:
            if waiter is not flight.leader and waiter.reservation is None:
                join(flight, waiter)
        return True

    def sift(self) -> list[Flight]:
        """Those of the queue that the ledger would admit now; the others are parked on what holds them, or refused."""
        waiting = [flight for mates in self._mates.values() for flight in mates]
        bearable = {flight: None for flight in waiting if admitted(flight)}
        for flight in waiting:
            if flight not in bearable:
                self._board(flight)
        return list(bearable)

    def _unpark(self, flight: Flight, scope: Scope) -> None:
        flight.woken += (scope,)
        self.enter(flight)
