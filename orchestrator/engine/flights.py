"""The flights under way, by the key of their request, and how each ends."""

from __future__ import annotations

from collections.abc import Callable

from .flight import Flight, State
from .lane import Lane


class Flights:
    """Everything that was asked and is not answered yet: whoever asks the same joins it here.

    Args:
        lane_of: the lane of an expert, by its id.
    """

    def __init__(self, lane_of: Callable[[str], Lane]) -> None:
        self.by_key: dict[bytes, Flight] = {}
        self.stopped = False
        """Nothing leaves any more."""
        self._lane_of = lane_of

    def all(self) -> tuple[Flight, ...]:
        """Those under way now, in the order in which they were first asked for."""
        return tuple(self.by_key.values())

    def drop(self, flight: Flight) -> None:
        """It is over, or nobody wants it any more."""
        flight.state = State.GONE
        self._lane_of(flight.request.expert).remove(flight)
        if self.by_key.get(flight.request.key) is flight:
            del self.by_key[flight.request.key]
        if flight.recovery is not None:
            flight.recovery.cancel()

    def end(self, flight: Flight, error: Exception) -> None:
        """Whoever waits for it gets an error."""
        flight.fail(error)
        self.drop(flight)

    def landed(self, flight: Flight) -> None:
        """Whoever waited for it has its reply."""
        if flight.retried is not None and not flight.retried.done():
            flight.retried.set_result(None)
        flight.recovery = None
        self.drop(flight)
