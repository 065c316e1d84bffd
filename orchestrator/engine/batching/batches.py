"""All batches of an engine: their lanes, those that earlier processes left out, and when nothing else goes on."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.errors import ExpertError, Stopped
from orchestrator.ledger import Amount, Reservation, Scope
from orchestrator.protocols import BatchBackend
from orchestrator.types import Expert, Request

from ..counters import Counters
from ..flight import Departure, Flight, State
from ..flights import Flights
from ..journal import Journal
from ..lane import Lane, Tower
from ..tasks import Tasks
from .lane import BatchLane
from .log import LeftOut
from .trip import Base, Trip

T = TypeVar("T")

_WITHDRAWING = 10.0
"""Seconds that cancelling batches at their providers may take when an engine ends."""


@dataclass(slots=True, eq=False)
class _Check:
    """A verification under way."""

    asking: int = 0
    """Calls that it waits for."""


_CHECK: ContextVar[_Check | None] = ContextVar("check", default=None)


class Batches:
    """Makes the lanes of experts that are asked by batch, and sends what these let out.

    Args:
        batch_of: how a provider takes batches of an expert, given at their price; `None`: everybody is asked at once.
        lanes: all that are in use.
        worst: what a request may come to at the most, at an expert's price.
        tell: told in one line of what went otherwise than asked.
    """

    def __init__(
        self,
        batch_of: Callable[[Expert], BatchBackend] | None,
        journal: Journal,
        flights: Flights,
        tasks: Tasks,
        tower: Tower,
        lanes: Callable[[], Iterable[Lane]],
        worst: Callable[[Request, Expert], Amount],
        tell: Callable[[str], None],
        counters: Counters,
    ) -> None:
        self._counters = counters
        self._batch_of, self._journal, self._flights, self._tasks = batch_of, journal, flights, tasks
        self._tower, self._all, self._worst, self._tell = tower, lanes, worst, tell
        self.lanes: list[BatchLane] = []
        self._checks: set[_Check] = set()
        self._withdrawn: list[Trip] = []

    # -- lanes --------------------------------------------------------------------------

    def takes(self, expert: Expert) -> bool:
        """Whether an expert is asked by batch."""
        return expert.batch is not None and self._batch_of is not None

    def lane(self, expert: Expert, live: Lane) -> BatchLane:
        """The lane of an expert that is asked by batch.

        Args:
            live: asks the same expert at once.
        """
        assert self._batch_of is not None
        clock, priced = asyncio.get_running_loop().time, expert.by_batch
        lane = BatchLane(priced, self._batch_of(priced), live, self._tower, self, self._worst, clock)
        self.lanes.append(lane)
        return lane

    def resume(self, lane_of: Callable[[str], Lane | None]) -> None:
        """Goes on with what earlier processes sent.

        Args:
            lane_of: the lane of an expert by its id; `None` where nobody asks it any more.
        """
        for left in self._journal.batches.left_out():
            lane = lane_of(left.expert)
            if isinstance(lane, BatchLane):
                trip = Trip(self._base(), lane, Departure([], 0, left=True), left.token, left)
                lane.adopt(trip)
                trip.task = self._tasks.start(trip.run())
            else:
                self._tell(
                    f"a batch of {len(left.worst)} calls of expert '{left.expert}' is out ({left.id or left.token}): "
                    "it is not asked by batch here, so its replies stay where they are, and count at their worst case"
                )

    def bear(self, scope: Scope) -> None:
        """Keeps room on the scope of the whole run for what earlier processes sent: it will be billed.

        Nobody sees what those come to whose expert is not asked by batch here, so that they count as spent.
        """
        trips = {trip.token: trip for lane in self.lanes for trip in lane.trips}
        for left in self._journal.batches.left_out():
            if (trip := trips.get(left.token)) is not None:
                trip.hold = _held(scope, left)
            else:
                scope.spent += left.most

    # -- sending ------------------------------------------------------------------------

    def sail(self, lane: BatchLane, departure: Departure) -> None:
        trip = Trip(self._base(), lane, departure, secrets.token_hex(16))
        lane.trips.append(trip)
        trip.task = self._tasks.start(trip.run())

    def _base(self) -> Base:
        clock = asyncio.get_running_loop().time
        return Base(self._journal, self._flights, self._tower.refuse, self._tell, self._note_dropped, clock, time.time)

    def _note_dropped(self, expert: str, names: tuple[str, ...]) -> None:
        self._counters.dropped[expert] = names

    # -- when nothing else goes on ------------------------------------------------------

    def quiet(self) -> bool:
        """Whether no call is under way that is answered at once, and no verification that waits for no call."""
        if any(check.asking == 0 for check in self._checks):
            return False
        if any(lane.out or lane.queued for lane in self._all() if not isinstance(lane, BatchLane)):
            return False
        return not any(flight.state is State.RESTING for flight in self._flights.all())

    @contextmanager
    def checking(self) -> Iterator[None]:
        """While inside, a verification is under way."""
        check = _Check()
        self._checks.add(check)
        token = _CHECK.set(check)
        try:
            yield
        finally:
            _CHECK.reset(token)
            self._checks.discard(check)

    async def asked(self, reply: Awaitable[T]) -> T:
        """The reply; a verification that waits for it is not what keeps a batch from leaving."""
        check = _CHECK.get()
        if check is None:
            return await reply
        check.asking += 1
        try:
            return await reply
        finally:
            check.asking -= 1

    def keep(self, flight: Flight, scope: Scope) -> bool:
        """Whether a flight that its last waiter has left stays out for a later process.

        It does where the seconds of the whole run are over: a resumed run asks for it again.
        """
        if not scope.chain[-1].over or not self._journal.batches.durable:
            return False
        departures = [trip.departure for lane in self.lanes for trip in lane.trips]
        if flight.departure is None or flight.departure not in departures:
            return False
        flight.departure.kept = True
        return True

    # -- ending -------------------------------------------------------------------------

    def stop(self) -> None:
        """Leaves what is out where it is: a later process finds it again if the journal lasts; else it is cancelled."""
        for lane in self.lanes:
            for trip in tuple(lane.trips):
                self._part(trip)

    async def aclose(self) -> None:
        """Cancels at their providers the batches that nobody will ever ask for, and lets go of connections."""
        try:
            async with asyncio.timeout(_WITHDRAWING), asyncio.TaskGroup() as group:
                for trip in self._withdrawn:
                    group.create_task(self._withdraw(trip))
        except TimeoutError:
            self._tell(f"cancelling batches took longer than {_WITHDRAWING:g} s: some may go on, and are billed")
        finally:
            self._withdrawn.clear()
            for lane in self.lanes:
                await lane.carrier.aclose()

    def _part(self, trip: Trip) -> None:
        departure = trip.departure
        wanted = trip.left is not None or departure.kept or any(flight.wanted for flight in departure.flights)
        sent = trip.departure.row is not None
        for flight in tuple(trip.departure.flights):
            self._flights.end(flight, Stopped())
        if sent and wanted and self._journal.batches.durable:
            self._tell(
                f"{trip.name} of {trip.calls} calls stays out; the resumed run picks it up, and it is billed either way"
            )
        elif sent:
            self._withdrawn.append(trip)
        if trip in trip.lane.trips:
            trip.lane.trips.remove(trip)
        if trip.task is not None:
            self._tasks.cancel(trip.task)

    async def _withdraw(self, trip: Trip) -> None:
        try:
            await trip.cancel()
            told = "was cancelled; what it had answered by then is billed" if trip.id else "is not at its provider"
        except Exception as error:  # whatever it is: journal and connections are still to be closed
            why = error.message if isinstance(error, ExpertError) else repr(error)
            told = f"could not be cancelled ({why}); it may go on, and is billed"
        if trip.departure.row is not None:
            self._journal.fail(trip.departure.row, f"batch {trip.id}: nobody wanted it any more", charged=True)
        self._tell(f"{trip.name} of {trip.calls} calls {told}")


def _held(scope: Scope, left: LeftOut) -> Reservation:
    """Its worst case, set aside whether or not there is room: it is out."""
    scope.reserved += left.most
    scope.outstanding += 1
    return Reservation((scope,), left.most)
