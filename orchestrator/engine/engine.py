"""The engine: every call goes journal, retry, lane, throttle, backend, and is metered on its scopes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from orchestrator.errors import Stopped
from orchestrator.ledger import Amount, admitted, charge, room
from orchestrator.protocols import Backend, BatchBackend, Loader
from orchestrator.types import Completion, Expert, Request

from .attempts import Attempts
from .batching.batches import Batches
from .boarding import join
from .counters import Counters
from .doors import Doors
from .flight import Bounds, Flight, Landed, Seat, State, Waiter
from .flights import Flights
from .gate import Gate
from .groups import Groups
from .journal import Journal
from .lane import Lane
from .recovery import Recovery
from .retry import RetryPolicy
from .tasks import Tasks

GRACE = 2.0
"""Seconds that replies in flight get to land in the journal after a problem has ended."""


class Engine:
    """Serves requests until it is left; an async context manager that owns every attempt.

    Args:
        experts: those that may be asked, by id.
        backend_of: makes the backend of an expert, once.
        journal: where replies and attempts are kept.
        seed: seeds the jitter of retries, nothing else.
        gate: decides which expert may be asked now; by default those of one `resident_group` in turn, all others
            always.
        loader_of: has the models of a group loaded and unloaded, where a server is to be told.
        tell: told in one line of what went wrong beside the calls.
        batch_of: how the provider of an expert takes batches; asked only of experts that have terms for it.
    """

    def __init__(
        self,
        experts: Mapping[str, Expert],
        backend_of: Callable[[Expert], Backend],
        journal: Journal,
        *,
        retry: RetryPolicy | None = None,
        bounds: Bounds | None = None,
        seed: int = 0,
        gate: Gate | None = None,
        loader_of: Callable[[Expert], Loader | None] = lambda expert: None,
        tell: Callable[[str], None] = lambda text: None,
        batch_of: Callable[[Expert], BatchBackend] | None = None,
    ) -> None:
        self.experts, self.journal, self.counters = dict(experts), journal, Counters()
        self.groups = Groups(self.experts, loader_of, tell)
        self.doors = Doors()
        """Where problems that come together begin one after the other."""
        self._backend_of, self._gate = backend_of, gate
        self._bounds = bounds or Bounds()
        self._lanes: dict[str, Lane] = {}
        self._tasks, self._flights = Tasks(), Flights(self.lane)
        recovery = Recovery(retry or RetryPolicy(), seed, self.lane, self._flights, self._tasks, self.counters)
        self._attempts = Attempts(self._lanes, self._flights, self._tasks, journal, recovery, self.counters)
        self.batches = Batches(
            batch_of, journal, self._flights, self._tasks, self._attempts, self.lanes, self._bounds.worst, tell,
            self.counters,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._tasks.__aenter__()
        try:
            self.batches.resume(lambda expert: self.lane(expert) if expert in self.experts else None)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        try:
            await self._tasks.__aexit__()
        finally:
            for flight in self._flights.all():
                self._flights.end(flight, Stopped())
            async with AsyncExitStack() as closing:  # whatever one of them raises, the others are closed
                closing.push_async_callback(self.journal.aclose)
                closing.push_async_callback(self.groups.aclose)
                for lane in self._lanes.values():
                    closing.push_async_callback(lane.backend.aclose)
                closing.push_async_callback(self.batches.aclose)

    # -- asking -------------------------------------------------------------------------

    async def ask(self, request: Request, seat: Seat) -> Landed:
        """The reply to a request: from the journal, from an identical request in flight, or from the expert.

        Raises:
            BudgetExceeded: a scope of the seat has no room for it.
            ExpertError: no reply after every retry.
        """
        declared = seat.declared is not None and seat.declared.submitted(request.expert)
        if (followed := seat.leaving.followed) is not None:
            followed.asks(self.groups.model(request.expert), seat.stage, declared)
        if recorded := self.journal.get(request.key):
            await self._count(seat, recorded)
            return Landed(recorded)
        waiter = Waiter(seat, self._loop.create_future())
        flight = self._join(request, waiter)
        try:
            landed = await (self.batches.asked(waiter.result) if self.batches.lanes else waiter.result)
        except asyncio.CancelledError:
            if waiter.result.done() and not waiter.result.cancelled():
                waiter.result.exception()  # it came too late, and nobody is to be told that it was never looked at
            self._leave(flight, waiter)
            raise
        if not landed.counted:
            await self._count(seat, landed.completion)
        return landed

    def add(self, expert: Expert) -> None:
        """Lets another expert be asked."""
        self.experts.setdefault(expert.id, expert)

    def worst(self, request: Request) -> Amount:
        """The largest bill that a request may come to."""
        expert = self.experts[request.expert]
        return self._bounds.worst(request, expert.by_batch if self.batches.takes(expert) else expert)

    def lane(self, expert: str) -> Lane:
        """The lane of an expert, made when it is first asked for."""
        if expert not in self._lanes:
            value = self.experts[expert]
            if self.batches.takes(value):
                live = Lane(value, self._backend_of(value), self._attempts, self._loop.time)
                self._lanes[f"{expert} (at once)"] = live
                self._lanes[expert] = self.batches.lane(value, live)
                return self._lanes[expert]
            group = None if self._gate else self.groups.gate(value.resident_group, self._flights.all, self._tasks.start)
            lane = self._lanes[expert] = Lane(
                value, self._backend_of(value), self._attempts, self._loop.time, self._gate or group
            )
            if group is not None:
                group.add(lane)
        return self._lanes[expert]

    def lanes(self) -> Iterator[Lane]:
        """The lanes in use."""
        yield from self._lanes.values()

    def stop(self) -> None:
        """Lets nothing leave any more: what is out may land, and whoever waits for anything else gets `Stopped`."""
        self._flights.stopped = True
        self.batches.stop()
        for lane in self._lanes.values():
            lane.close()
        for flight in self._flights.all():
            departure = flight.departure if flight.state is State.OUT else None
            if departure is None or not departure.left:
                self._flights.end(flight, Stopped())
                self._attempts.call_off(departure)

    async def drain(self) -> None:
        """Stops, and returns when what is out has landed, whether or not anybody still waits for it."""
        self.stop()
        await self._attempts.idle.wait()

    def _join(self, request: Request, waiter: Waiter) -> Flight:
        if self._flights.stopped:
            raise Stopped
        lane = self.lane(request.expert)
        flight = self._flights.by_key.get(request.key)
        if flight is None:
            flight = Flight(request, self._bounds.worst(request, lane.expert), [waiter])
            self._flights.by_key[request.key] = flight
            lane.enter(flight)
            return flight
        better = waiter.seat.priority < flight.priority
        flight.waiters.append(waiter)
        flight.abandoned = False
        if flight.state is State.OUT:
            join(flight, waiter)
        elif flight.state is State.QUEUED and (better or not lane.holds(flight)):
            lane.enter(flight)
        return flight

    async def _count(self, seat: Seat, completion: Completion) -> None:
        used = Amount.of(completion.tokens)
        await admitted(
            lambda: charge(seat.scope.chain, used, seat.claim),
            lambda held: room(held, seat.priority, used, seat.claim),
        )

    # -- leaving ------------------------------------------------------------------------

    def _leave(self, flight: Flight, waiter: Waiter) -> None:
        if waiter is not flight.leader and waiter.reservation is not None:
            waiter.reservation.refund()
        if flight.wanted:
            if flight.parked:
                self.lane(flight.request.expert).enter(flight)  # its place was that of the one who has left
            return
        if flight.state is State.GONE:
            return
        left = flight.state is State.OUT and flight.departure is not None and flight.departure.left
        if self._flights.stopped and left:
            return  # it is as good as paid: let it land
        if self.batches.keep(flight, waiter.seat.scope):
            return
        if left and waiter.seat.leaving.grace:
            self._loop.call_later(GRACE, self._abandon, flight)
        else:
            self._abandon(flight)

    def _abandon(self, flight: Flight) -> None:
        if flight.wanted or flight.state is State.GONE:
            return
        if flight.state is State.OUT:
            flight.abandoned = True
            self._attempts.call_off(flight.departure)
        else:
            self._flights.drop(flight)
