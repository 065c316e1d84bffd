"""One attempt after the other: what a lane lets out is noted down, sent, and brought home."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from orchestrator.errors import BadCompletion, ExpertError, ExpertTimeout
from orchestrator.types import Response

from .counters import Counters
from .entries import answered, finished, row, shares
from .flight import Departure, Flight, State
from .flights import Flights
from .journal import Journal
from .lane import Lane
from .recovery import Recovery
from .tasks import Tasks


class Attempts:
    """The tower of all lanes: makes the attempts that they let out.

    Args:
        lanes: those in use, by expert.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        flights: Flights,
        tasks: Tasks,
        journal: Journal,
        recovery: Recovery,
        counters: Counters,
    ) -> None:
        self._lanes, self._flights, self._tasks = lanes, flights, tasks
        self._journal, self._recovery, self._counters = journal, recovery, counters
        self.idle = asyncio.Event()
        """Set while nothing is out."""
        self.idle.set()

    # -- what lanes report --------------------------------------------------------------

    def depart(self, lane: Lane, departure: Departure) -> None:
        self.idle.clear()
        for flight in departure.flights:
            flight.departure = departure
        departure.task = self._tasks.start(self._attempt(lane, departure))

    def refuse(self, flight: Flight, error: Exception) -> None:
        self._recovery.failed(flight, error)

    def drop(self, flight: Flight) -> None:
        self._flights.drop(flight)

    def call_off(self, departure: Departure | None) -> None:
        """Ends an attempt of which nobody wants anything."""
        if departure is None or departure.task is None or not departure.abandoned:
            return
        for flight in departure.flights:
            self._flights.drop(flight)
        self._tasks.cancel(departure.task)

    # -- one attempt --------------------------------------------------------------------

    async def _attempt(self, lane: Lane, departure: Departure) -> None:
        self._counters.attempts += 1
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
            self._recovery.note(lane, departure, error)
            self._close(departure, str(error), charged=departure.left and not error.refunded)
            self._recovery.rest(departure, error)
        except Exception as error:
            # Not the expert's fault: whoever asked gets it as it is.
            lane.breaker.cancelled(departure.probe)
            self._close(departure, repr(error), charged=departure.left)
            for flight in departure.flights:
                self._flights.end(flight, error)
        finally:
            lane.ended(departure)
            # Else these would hold on to each other, and replies to them, until Python looks for such circles.
            departure.task, departure.flights = None, []
            if not any(other.out for other in self._lanes.values()):
                self.idle.set()

    async def _send(self, lane: Lane, departure: Departure) -> Response:
        self._thin(departure)
        flights = departure.flights
        if lane.backend.journalled:
            departure.row = await self._journal.open(row(lane.expert, flights))
        await lane.prepare(departure)
        if departure.abandoned:
            raise asyncio.CancelledError  # called off while it was noted down, so it need not leave
        departure.left = True
        try:
            async with asyncio.timeout(lane.expert.timeout):
                response = await lane.complete(departure)
        except TimeoutError:
            raise ExpertTimeout(f"no answer in {lane.expert.timeout:g} s", expert=lane.expert.id) from None
        if not response.completions:
            raise BadCompletion("an answer without a choice", expert=lane.expert.id)
        return response

    async def _land(self, lane: Lane, departure: Departure, response: Response) -> None:
        flights, missing = answered(departure.flights, response)
        replies = [finished(flight, c) for flight, c in zip(flights, response.completions, strict=False)]
        if departure.row is not None:
            keyed = [(flight.request.key, c) for flight, c in zip(flights, replies, strict=False)]
            await self._journal.reply(departure.row, keyed, response.bill, response.spoiled)
        lane.succeeded()
        lane.throttle.settle(departure.permit, response.bill.prompt + response.bill.completion)
        if response.dropped:
            self._counters.dropped[lane.expert.id] = response.dropped
        for flight, completion, paid in zip(flights, replies, shares(response.bill, replies), strict=False):
            flight.serve(completion, paid)
            self._flights.landed(flight)
        for i, flight in enumerate(missing):
            flight.settle_missing(spoiled=i < response.spoiled)
            self._again(lane, flight)

    def _again(self, lane: Lane, flight: Flight) -> None:
        """A choice that the provider did not return is asked for once more, by itself."""
        if flight.wanted and flight.state is State.OUT:
            flight.alone = True
            lane.enter(flight)
        else:
            self._flights.drop(flight)

    def _thin(self, departure: Departure) -> None:
        """Takes out the samples that nobody wants any more; an attempt without any is called off elsewhere."""
        unwanted = [flight for flight in departure.flights if flight.abandoned or flight.state is State.GONE]
        if len(unwanted) < len(departure.flights):
            for flight in unwanted:
                departure.flights.remove(flight)
                flight.settle_failure(charged=False)
                self._flights.drop(flight)

    def _close(self, departure: Departure, error: str, charged: bool) -> None:
        if departure.row is not None:
            self._journal.fail(departure.row, error, charged)
        for flight in departure.flights:
            flight.settle_failure(charged)
