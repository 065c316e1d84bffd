"""The lane of an expert that is asked by batch: what waits, and when it is enough to send."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from orchestrator.errors import Stopped
from orchestrator.ledger import Amount
from orchestrator.protocols import BatchBackend
from orchestrator.types import BatchTerms, Expert, Request

from ..breaker import INSTANT
from ..flight import Departure, Flight, State
from ..lane import Lane, Tower
from .trip import Trip

LINGER = 2.0
"""Seconds in which nothing may have entered before a batch leaves that is not full."""
PATIENCE = 600.0
"""Seconds for which a batch waits for everything else to be still, at the most: a slow lane may be busy for hours."""
BREATH = 0.05
"""Seconds for which everything else must be still: who has just been answered may be about to ask."""
_ENVELOPE = 400
"""Bytes that a line of a batch's file has beside the texts, about."""
_TRIES = 2
"""Batches in which a request may fail before it is asked at once."""


class Dispatch(Protocol):
    """What a batch lane reports to."""

    def quiet(self) -> bool:
        """Whether nothing is under way from which more may come to a batch."""
        ...

    def sail(self, lane: BatchLane, departure: Departure) -> None:
        """Its flights hold their reservations: send them as one batch."""
        ...


class BatchLane(Lane):
    """Flights gather here until a batch is full, or until nothing else goes on from which more could come.

    It has a second lane beside it, `live`, for what batches could not do and for embeddings.

    Args:
        expert: at the price of its batches.
        live: asks the same expert at once, at its usual price.
        worst: what a request may come to at the most, at an expert's price.
    """

    def __init__(
        self,
        expert: Expert,
        carrier: BatchBackend,
        live: Lane,
        tower: Tower,
        dispatch: Dispatch,
        worst: Callable[[Request, Expert], Amount],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(expert, live.backend, tower, clock)
        assert expert.batch is not None
        self.terms: BatchTerms = expert.batch
        self.live, self.carrier = live, carrier
        self.grounded = ""
        """Why no batch is sent any more, if so."""
        self.trips: list[Trip] = []
        """Those that are out."""
        self.adopted: dict[bytes, Trip] = {}
        """What earlier processes have sent, by key."""
        self.refused = 0
        """Times in a row that batches were not taken."""
        self.crowded = 0
        """Batches in a row for which the provider had too much waiting."""
        self.most = self.terms.requests
        """Requests of a batch; fewer than its terms say where the provider had too much waiting."""
        self._dispatch, self._worst = dispatch, worst
        self._flown: set[Flight] = set()
        self._failed: Counter[bytes] = Counter()
        self._weights: dict[Flight, int] = {}
        self._weight = 0
        self._entered_at = 0.0
        self._quiet_since: float | None = None
        self._waiting_since = 0.0
        self._refused_at = float("-inf")

    @property
    def calls_out(self) -> int:
        """Requests in the batches that are out."""
        return sum(trip.calls for trip in self.trips)

    @property
    def state(self) -> str:
        """What is out, since when, or why nothing is, in words; empty where there is nothing to say."""
        if not self.trips:
            if self.grounded:
                return f"{self.grounded}; asked at once"
            return f"its provider took no batch; tries again in {self.hold:.0f} s" if self.hold else ""
        first = min(self.trips, key=lambda trip: trip.since)
        number = "a batch" if len(self.trips) == 1 else f"{len(self.trips)} batches"
        done = sum(trip.standing.done for trip in self.trips if trip.standing is not None)
        minutes = int(self._clock() - first.since) // 60
        since = f"{minutes // 60}:{minutes % 60:02} h" if minutes >= 60 else f"{minutes} min"
        return f"{number} of {self.calls_out:,} calls out for {since}, {done:,} done"

    # -- in -----------------------------------------------------------------------------

    def enter(self, flight: Flight) -> None:
        """Puts a flight into the queue, or where its request is under way already."""
        if flight in self._flown or self.grounded or flight.request.sampling.mode == "embedding":
            return self.fly(flight)
        if (trip := self.adopted.get(flight.request.key)) is not None:
            return trip.take(flight)
        self._forget_weight(flight)
        self._weights[flight] = flight.request.size + _ENVELOPE
        self._weight += self._weights[flight]
        self._entered_at = self._clock()
        if not self._mates:
            self._waiting_since = self._entered_at
        super().enter(flight)

    def fly(self, flight: Flight) -> None:
        """Has a flight asked at once, at the usual price."""
        self._forget_weight(flight)
        super().remove(flight)
        self._flown.add(flight)
        flight.worst = self._worst(flight.request, self.live.expert)
        self.live.enter(flight)

    def again(self, flight: Flight, failed: bool) -> None:
        """Has a flight asked once more: in the next batch, or at once where it has failed in two."""
        self._failed[flight.request.key] += failed
        if self._failed[flight.request.key] >= _TRIES:
            self.fly(flight)
        else:
            self.enter(flight)

    def remove(self, flight: Flight) -> None:
        if flight in self._flown:
            self._flown.discard(flight)
            self.live.remove(flight)
        self._failed.pop(flight.request.key, None)
        self._forget_weight(flight)
        super().remove(flight)

    def holds(self, flight: Flight) -> bool:
        return self.live.holds(flight) if flight in self._flown else super().holds(flight)

    def ground(self, why: str) -> None:
        """Sends no more batches: what waits is asked at once."""
        self.grounded = why
        for flight in [flight for mates in self._mates.values() for flight in mates]:
            self.fly(flight)

    def adopt(self, trip: Trip) -> None:
        """Has whoever asks for what an earlier process sent wait for it."""
        assert trip.left is not None
        self.trips.append(trip)
        self.adopted.update(dict.fromkeys(trip.left.worst, trip))

    def disown(self, trip: Trip) -> None:
        """Nobody waits for it from here on."""
        if trip.left is not None:
            for key in trip.left.worst:
                self.adopted.pop(key, None)

    def left_port(self, trip: Trip) -> None:
        """It is over."""
        self.disown(trip)
        if trip in self.trips:
            self.trips.remove(trip)
        self.pump_soon()

    def refuse(self, since: float) -> None:
        """A batch that left at `since` was not taken; those that left together count once."""
        if since > self._refused_at:
            self.refused += 1
            self._refused_at = self._clock()

    def pause(self, seconds: float) -> None:
        """Sends nothing for so long."""
        self._backoff.hold(seconds)
        self.pump_soon()

    def _forget_weight(self, flight: Flight) -> None:
        self._weight -= self._weights.pop(flight, 0)

    # -- out ----------------------------------------------------------------------------

    def _pump(self) -> None:
        self._pump_due = False
        if self.closed:
            return self._fail_all(Stopped())
        while self.queued:
            if (wait := self._wait()) > INSTANT:
                return self._pump_at(self._clock() + wait)
            self._sail()

    def _wait(self) -> float:
        """Seconds until a batch may leave, or until it is worth another look."""
        now = self._clock()
        if (hold := self._backoff.until - now) > INSTANT:
            return hold
        if self.queued >= self.most or self._weight >= self.terms.size:
            return 0.0
        if now - self._waiting_since >= PATIENCE:
            return 0.0
        if not self._dispatch.quiet():
            self._quiet_since = None
            return LINGER
        if self._quiet_since is None:
            self._quiet_since = now
        return max(self._entered_at + LINGER, self._quiet_since + BREATH) - now

    def _sail(self) -> None:
        """Boards what there is room for, as far as the ledger admits it."""
        group: list[Flight] = []
        other: list[Flight] = []
        weight = 0
        while self._queue and len(group) < self.most and weight < self.terms.size:
            _, ticket, _, flight = heapq.heappop(self._queue)
            if flight.ticket != ticket or flight.state is not State.QUEUED:
                continue
            if group and flight.request.sampling.mode != group[0].request.sampling.mode:
                other.append(flight)
                continue
            size = self._weights.get(flight, 0)
            failed = self._failed[flight.request.key]
            if self._board(flight):
                group.append(flight)
                weight += size
                self._failed[flight.request.key] = failed
        for flight in other:
            super().enter(flight)
        self._quiet_since = None
        self._waiting_since = self._clock()
        if group:
            departure = Departure(group, self.window.generation, left=True)
            for flight in group:
                flight.departure = departure
            self._dispatch.sail(self, departure)

    def _fail_all(self, error: Exception) -> None:
        self._weights.clear()
        self._weight = 0
        super()._fail_all(error)
