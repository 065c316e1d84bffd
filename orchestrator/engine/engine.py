"""The engine: every call goes journal, retry, lane, throttle, backend, and is metered on its scopes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from orchestrator.errors import (
    BadCompletion,
    ExpertError,
    ExpertLost,
    ExpertTimeout,
    OrchestratorError,
    RateLimited,
    Stopped,
)
from orchestrator.ledger import Amount, charge, room
from orchestrator.protocols import Backend, Loader
from orchestrator.types import Completion, Expert, Request, Response

from .entries import finished, row, shares
from .flight import Bounds, Departure, Flight, Landed, Seat, State, Waiter
from .groups import Groups
from .journal import Journal
from .lane import Gate, Lane, join, tokens_of
from .retry import Pause, RetryPolicy, Tries, retrying

GRACE = 2.0
"""Seconds that replies in flight get to land in the journal after a problem has ended."""


@dataclass(slots=True)
class Counters:
    """What left, over all problems."""

    attempts: int = 0
    failed: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Settings that an expert does not take, by expert."""


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
    ) -> None:
        self.experts, self.journal, self.counters = dict(experts), journal, Counters()
        self.groups = Groups(self.experts, loader_of, tell)
        self._backend_of, self._gate = backend_of, gate
        self._policy, self._bounds = retry or RetryPolicy(), bounds or Bounds()
        self._retrying = retrying(self._policy, random.Random(seed))
        self._lanes: dict[str, Lane] = {}
        self._flights: dict[bytes, Flight] = {}
        self._tasks = asyncio.TaskGroup()
        self._all: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        for task in tuple(self._all):
            self._cancel(task)
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            for flight in tuple(self._flights.values()):
                self._end(flight, Stopped())
            for lane in self._lanes.values():
                await lane.backend.aclose()
            await self.groups.aclose()
            await self.journal.aclose()

    # -- asking -------------------------------------------------------------------------

    async def ask(self, request: Request, seat: Seat) -> Landed:
        """The reply to a request: from the journal, from an identical request in flight, or from the expert.

        Raises:
            BudgetExceeded: a scope of the seat has no room for it.
            ExpertError: no reply after every retry.
        """
        if seat.declared is not None:
            seat.declared.submitted(request.expert)
        if recorded := self.journal.get(request.key):
            await self._count(seat, recorded)
            return Landed(recorded)
        waiter = Waiter(seat, self._loop.create_future())
        flight = self._join(request, waiter)
        try:
            landed = await waiter.result
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
        return self._bounds.worst(request, self.experts[request.expert])

    def lane(self, expert: str) -> Lane:
        """The lane of an expert, made when it is first asked for."""
        if expert not in self._lanes:
            value = self.experts[expert]
            group = None if self._gate else self.groups.gate(value.resident_group, self._flights.values, self._start)
            lane = self._lanes[expert] = Lane(
                value, self._backend_of(value), self, self._loop.time, self._gate or group
            )
            if group is not None:
                group.add(lane)
        return self._lanes[expert]

    def lanes(self) -> Iterator[Lane]:
        """The lanes in use."""
        yield from self._lanes.values()

    def stop(self) -> None:
        """Lets nothing leave any more: what is out may land, and whoever waits for anything else gets `Stopped`."""
        self._stopped = True
        for lane in self._lanes.values():
            lane.close()
        for flight in tuple(self._flights.values()):
            departure = flight.departure if flight.state is State.OUT else None
            if departure is None or not departure.left:
                self._end(flight, Stopped())
                self._call_off(departure)

    async def drain(self) -> None:
        """Stops, and returns when what is out has landed, whether or not anybody still waits for it."""
        self.stop()
        await self._idle.wait()

    def _join(self, request: Request, waiter: Waiter) -> Flight:
        if self._stopped:
            raise Stopped
        lane = self.lane(request.expert)
        flight = self._flights.get(request.key)
        if flight is None:
            flight = Flight(request, self._bounds.worst(request, lane.expert), [waiter])
            self._flights[request.key] = flight
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
        while (held := charge(seat.scope.chain, used, seat.claim)) is not None:
            await room(held, seat.priority, used, seat.claim)

    # -- leaving ------------------------------------------------------------------------

    def _leave(self, flight: Flight, waiter: Waiter) -> None:
        if waiter is not flight.leader and waiter.reservation is not None:
            waiter.reservation.refund()
        if flight.wanted or flight.state is State.GONE:
            return
        if self._stopped and flight.departure is not None and flight.departure.left:
            return  # it is as good as paid: let it land
        if flight.state is State.OUT and waiter.seat.leaving.grace:
            self._loop.call_later(GRACE, self._abandon, flight)
        else:
            self._abandon(flight)

    def _abandon(self, flight: Flight) -> None:
        if flight.wanted or flight.state is State.GONE:
            return
        if flight.state is State.OUT:
            flight.abandoned = True
            self._call_off(flight.departure)
        else:
            self.drop(flight)

    def _call_off(self, departure: Departure | None) -> None:
        """Ends an attempt of which nobody wants anything."""
        if departure is None or departure.task is None or not departure.abandoned:
            return
        for flight in departure.flights:
            self.drop(flight)
        self._cancel(departure.task)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        # Not at once: a task that is cancelled before its first step never gets to give back what it holds.
        self._loop.call_soon(task.cancel)

    # -- what lanes report --------------------------------------------------------------

    def depart(self, lane: Lane, departure: Departure) -> None:
        self._idle.clear()
        for flight in departure.flights:
            flight.departure = departure
        departure.task = self._start(self._attempt(lane, departure))

    def refuse(self, flight: Flight, error: OrchestratorError) -> None:
        self._failed(flight, error)

    def drop(self, flight: Flight) -> None:
        flight.state = State.GONE
        self.lane(flight.request.expert).remove(flight)
        if self._flights.get(flight.request.key) is flight:
            del self._flights[flight.request.key]
        if flight.recovery is not None:
            flight.recovery.cancel()

    # -- one attempt --------------------------------------------------------------------

    async def _attempt(self, lane: Lane, departure: Departure) -> None:
        self.counters.attempts += 1
        try:
            response = await self._send(lane, departure)
            departure.landed = True
            await self._land(lane, departure, response)
        except asyncio.CancelledError:
            lane.breaker.cancelled(departure.probe)
            if not departure.left:
                lane.throttle.settle(departure.permit, 0)
            self._close(departure, "cancelled", charged=departure.left)
            raise
        except ExpertError as error:
            self._note(lane, departure, error)
            self._close(departure, str(error), charged=departure.left and not error.refunded)
            self._rest(departure, error)
        except Exception as error:
            # Not the expert's fault: whoever asked gets it as it is.
            self._close(departure, repr(error), charged=departure.left)
            for flight in departure.flights:
                self._end(flight, error)
        finally:
            lane.out -= 1
            lane.pump_soon()
            if not any(other.out for other in self._lanes.values()):
                self._idle.set()

    async def _send(self, lane: Lane, departure: Departure) -> Response:
        departure.permit = await lane.throttle.admit(tokens_of(departure.flights))
        self._thin(departure)
        flights = departure.flights
        if lane.backend.journalled:
            departure.row = await self.journal.open(row(lane.expert, flights))
        if departure.abandoned:
            raise asyncio.CancelledError  # called off while it was noted down, so it need not leave
        departure.left = True
        try:
            async with asyncio.timeout(lane.expert.timeout):
                response = await lane.backend.complete([flight.request for flight in flights])
        except TimeoutError:
            raise ExpertTimeout(f"no answer in {lane.expert.timeout:g} s", expert=lane.expert.id) from None
        if not response.completions:
            raise BadCompletion("an answer without a choice", expert=lane.expert.id)
        return response

    async def _land(self, lane: Lane, departure: Departure, response: Response) -> None:
        flights = departure.flights
        replies = [finished(flight, c) for flight, c in zip(flights, response.completions, strict=False)]
        if departure.row is not None:
            keyed = [(flight.request.key, c) for flight, c in zip(flights, replies, strict=False)]
            await self.journal.reply(departure.row, keyed, response.bill, response.spoiled)
        lane.succeeded()
        lane.throttle.settle(departure.permit, response.bill.prompt + response.bill.completion)
        if response.dropped:
            self.counters.dropped[lane.expert.id] = response.dropped
        for flight, completion, paid in zip(flights, replies, shares(response.bill, replies), strict=False):
            flight.serve(completion, paid)
            self._forget(flight)
        for i, flight in enumerate(flights[len(replies) :]):
            flight.settle_missing(spoiled=i < response.spoiled)
            self._again(lane, flight)

    def _again(self, lane: Lane, flight: Flight) -> None:
        """A choice that the provider did not return is asked for once more, by itself."""
        if flight.wanted and flight.state is State.OUT:
            flight.alone = True
            lane.enter(flight)
        else:
            self.drop(flight)

    def _thin(self, departure: Departure) -> None:
        """Takes out the samples that nobody wants any more; an attempt without any is called off elsewhere."""
        unwanted = [flight for flight in departure.flights if flight.abandoned or flight.state is State.GONE]
        if len(unwanted) < len(departure.flights):
            for flight in unwanted:
                departure.flights.remove(flight)
                flight.settle_failure(charged=False)
                self.drop(flight)

    def _close(self, departure: Departure, error: str, charged: bool) -> None:
        if departure.row is not None:
            self.journal.fail(departure.row, error, charged)
        for flight in departure.flights:
            flight.settle_failure(charged)

    # -- failure and recovery -----------------------------------------------------------

    def _note(self, lane: Lane, departure: Departure, error: ExpertError) -> None:
        lane.failed(error, departure)
        self.counters.failed += 1
        name = type(error).__name__
        self.counters.errors[name] = self.counters.errors.get(name, 0) + 1
        if error.refunded:
            lane.throttle.settle(departure.permit, 0)
        if isinstance(error, RateLimited) and (asked := error.retry_after or 0.0) > self._policy.deadline:
            # A day's quota is gone: whoever queues here would wait longer than any call may.
            lane.breaker.lost = ExpertLost(f"asks to wait {asked:.0f} s: {error.message}", expert=error.expert)

    def _rest(self, departure: Departure, error: ExpertError) -> None:
        pause = Pause()
        for flight in departure.flights:
            flight.pause = pause
            self._failed(flight, error)

    def _failed(self, flight: Flight, error: OrchestratorError) -> None:
        if not flight.wanted:
            self.drop(flight)
        elif self._stopped:
            self._end(flight, Stopped())
        elif flight.retried is not None:
            flight.state = State.RESTING
            flight.retried.set_exception(error)
        elif isinstance(error, ExpertError) and error.retried:
            flight.state = State.RESTING
            flight.recovery = self._start(self._recover(flight, error))
        else:
            self._end(flight, error)

    async def _recover(self, flight: Flight, error: ExpertError) -> None:
        """Makes further attempts; the plain one that failed counts as the first."""
        tries = Tries(self._policy, self._loop.time)
        plain: ExpertError | None = error

        async def attempt() -> None:
            nonlocal plain
            if plain is not None:
                first, plain = plain, None
                raise first
            flight.retried = self._loop.create_future()
            try:
                self.lane(flight.request.expert).enter(flight)
                await flight.retried
            finally:
                flight.retried = None

        async def rest(seconds: float) -> None:
            await flight.pause.wait(seconds)

        try:
            await self._retrying.copy(stop=tries.over, sleep=rest)(attempt)
        except OrchestratorError as last:
            flight.recovery = None
            self._end(flight, last)

    def _end(self, flight: Flight, error: Exception) -> None:
        flight.fail(error)
        self.drop(flight)

    def _forget(self, flight: Flight) -> None:
        if flight.retried is not None and not flight.retried.done():
            flight.retried.set_result(None)
        flight.recovery = None
        self.drop(flight)

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._all.add(task)
        task.add_done_callback(self._all.discard)
        return task
