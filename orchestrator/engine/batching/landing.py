"""What becomes of the requests of a batch that has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import ExpertError, ExpertLost
from orchestrator.ledger import Amount
from orchestrator.types import BatchResult, BatchStanding, Completion, Tokens

from ..entries import identified
from ..flight import Flight, State

if TYPE_CHECKING:
    from .trip import Trip

_FEWEST = 100
"""Requests of a batch below which it is not made smaller because its provider has too much waiting."""
_FULL_PAUSE, _LONGEST_FULL = 60.0, 1800.0
"""Seconds until the next batch after one that was too much for its provider, doubled with each, and at the most."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Settles the flights of one trip."""

    trip: Trip

    async def land(self, standing: BatchStanding, results: Sequence[BatchResult]) -> None:
        """Commits all replies together, hands them out, and has asked again what came without one."""
        trip = self.trip
        found = {result.key: result for result in results}
        replies = {key: self._reply(key, result) for key, result in found.items() if result.response is not None}
        dropped = {result.response.dropped for result in results if result.response is not None}
        for names in dropped - {()}:
            trip.base.dropped(trip.lane.expert.id, names)
        bill = sum((result.bill for result in results), start=Tokens())
        spoiled = sum(1 for key, result in found.items() if key not in replies and result.bill != Tokens())
        await self._commit(standing, replies, bill, spoiled)
        trip.departure.landed = True
        trip.lane.disown(trip)
        if trip.hold is not None:
            total = Amount.of(bill, len(replies) + spoiled)
            trip.hold.settle(total, total)
        for flight in tuple(trip.departure.flights):
            key = flight.request.key
            if key in replies:
                if trip.left is not None:
                    flight.leader = next(
                        iter(flight.wanted), None
                    )  # who has no attempt: it is billed once all the same
                flight.serve(replies[key], Amount.of(found[key].bill))
                trip.base.flights.landed(flight)
        rest = [flight for flight in trip.departure.flights if flight.request.key not in replies]
        self._ask_again(standing, rest, found)

    def give_up(self, why: str) -> None:
        """Nobody will learn what it came to, so all of it is charged; its flights are asked at once."""
        trip = self.trip
        self.close(why, charged=True)
        flights = [flight for flight in trip.departure.flights if _still_wanted(flight)]
        more = f"; {len(flights)} calls are asked at once, at full price" if flights else ""
        trip.base.tell(f"{trip.name} {why}: its {trip.calls} calls are charged in full{more}")
        for flight in tuple(trip.departure.flights):
            self._fly(flight)

    def close(self, why: str, charged: bool) -> None:
        """Ends the attempt, and its reservations, without a reply."""
        trip = self.trip
        trip.lane.disown(trip)
        if trip.departure.row is not None:
            trip.base.journal.fail(trip.departure.row, why, charged)
        for flight in trip.departure.flights:
            flight.settle_failure(charged)
        if trip.hold is not None:
            if charged:
                trip.hold.charge()
            else:
                trip.hold.refund()

    def once_more(self, flight: Flight, failed: bool) -> None:
        """Has it asked again by batch, if anybody still wants it."""
        if _still_wanted(flight):
            self.trip.lane.again(flight, failed)
        else:
            self.trip.base.flights.drop(flight)

    def _fly(self, flight: Flight) -> None:
        if _still_wanted(flight):
            self.trip.lane.fly(flight)
        else:
            self.trip.base.flights.drop(flight)

    def _reply(self, key: bytes, result: BatchResult) -> Completion:
        assert result.response is not None
        return identified(result.response.completions[0], self.trip.lane.expert.id, key)

    async def _commit(
        self, standing: BatchStanding, replies: dict[bytes, Completion], bill: Tokens, spoiled: int
    ) -> None:
        journal, number = self.trip.base.journal, self.trip.departure.row
        assert number is not None
        if replies or spoiled:
            await journal.reply(number, list(replies.items()), bill, spoiled)
        else:
            journal.fail(number, f"batch {standing.state}: {standing.reason or 'nothing was answered'}", charged=False)

    # -- what came without a reply ------------------------------------------------------

    def _ask_again(self, standing: BatchStanding, flights: Sequence[Flight], found: dict[bytes, BatchResult]) -> None:
        trip, flown = self.trip, 0
        if standing.full:
            self._shrink(standing)
        else:
            trip.lane.crowded = 0
        for flight in flights:
            result = found.get(flight.request.key)
            _settle(flight, result)
            if result is None and not (standing.state == "completed" or standing.full or _called_off(trip)):
                flown += _still_wanted(flight)
                self._fly(flight)
            elif result is None:
                self.once_more(flight, failed=standing.state == "completed")
            elif result.reshaped or not isinstance(result.error, ExpertError) or result.error.retried:
                self.once_more(flight, failed=not result.reshaped)
            elif isinstance(result.error, ExpertLost):
                self._fly(flight)  # whether the expert is lost is found out there
            elif _still_wanted(flight):
                trip.base.refuse(flight, result.error)
            else:
                trip.base.flights.drop(flight)
        if flown:
            why = f" ({standing.reason})" if standing.reason else ""
            trip.base.tell(
                f"{trip.name} {_words(standing.state)}{why}: {flown} of its {trip.calls} calls are asked at once, "
                "at full price"
            )

    def _shrink(self, standing: BatchStanding) -> None:
        """The provider has too much waiting: later, and smaller batches where none of ours is what waits there.

        None where they would be small indeed.
        """
        trip, lane = self.trip, self.trip.lane
        pause = min(_LONGEST_FULL, _FULL_PAUSE * 2**lane.crowded)
        lane.crowded = min(lane.crowded + 1, 16)
        if any(other is not trip and not other.over for other in lane.trips):
            return lane.pause(pause)
        most = max(1, trip.calls // 2)
        if most < _FEWEST:
            why = f"its provider has too much waiting ({standing.reason})"
            trip.base.tell(f"expert '{lane.expert.id}': {why}; it is asked at once from here on, at full price")
            lane.ground(why)
        else:
            lane.most = min(lane.most, most)
            lane.pause(pause)


def _called_off(trip: Trip) -> bool:
    """Whether it was cancelled because nobody wanted it; whoever came back meanwhile may wait for another."""
    return trip.called_off and not trip.late


def _still_wanted(flight: Flight) -> bool:
    return bool(flight.wanted) and flight.state is State.OUT


def _settle(flight: Flight, result: BatchResult | None) -> None:
    """Ends the reservations of a request that came without a reply; what was generated all the same is a call."""
    leader = flight.leader
    if result is not None and result.bill != Tokens() and leader is not None and leader.reservation is not None:
        leader.reservation.spoil(Amount.of(result.bill))
    flight.settle_failure(charged=False)


def _words(state: str) -> str:
    return {"expired": "has expired", "cancelled": "was cancelled", "failed": "was refused"}.get(state, f"is {state}")
