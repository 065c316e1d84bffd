"""After a failure: who hears of it, and what is tried again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from orchestrator.errors import ExpertError, ExpertLost, RateLimited, Stopped

from .counters import Counters
from .flight import Departure, Flight, State
from .flights import Flights
from .lane import Lane
from .retry import Pause, RetryPolicy, Tries, retrying
from .tasks import Tasks


class Recovery:
    """Tells whoever waits for a failed flight, or has it queued again after a pause.

    Args:
        seed: seeds the jitter of the pauses.
        lane_of: the lane of an expert, by its id.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        seed: int,
        lane_of: Callable[[str], Lane],
        flights: Flights,
        tasks: Tasks,
        counters: Counters,
    ) -> None:
        self._policy, self._retrying = policy, retrying(policy, random.Random(seed))
        self._lane_of, self._flights, self._tasks, self._counters = lane_of, flights, tasks, counters

    def note(self, lane: Lane, departure: Departure, error: ExpertError) -> None:
        lane.failed(error, departure)
        self._counters.failed += 1
        name = type(error).__name__
        self._counters.errors[name] = self._counters.errors.get(name, 0) + 1
        if error.refunded:
            lane.throttle.settle(departure.permit, 0)
        if isinstance(error, RateLimited) and (asked := error.retry_after or 0.0) > self._policy.deadline:
            # A day's quota is gone: whoever queues here would wait longer than any call may.
            lost = ExpertLost(f"asks to wait {asked:.0f} s: {error.message}", expert=error.expert)
            lane.breaker.lose(lost, asked)

    def rest(self, departure: Departure, error: ExpertError) -> None:
        pause = Pause()
        for flight in departure.flights:
            flight.pause = pause
            self.failed(flight, error)

    def failed(self, flight: Flight, error: Exception) -> None:
        if not flight.wanted:
            self._flights.drop(flight)
        elif self._flights.stopped:
            self._flights.end(flight, Stopped())
        elif flight.retried is not None:
            flight.state = State.RESTING
            flight.retried.set_exception(error)
        elif isinstance(error, ExpertError) and error.retried:
            flight.state = State.RESTING
            flight.recovery = self._tasks.start(self._recover(flight, error))
        else:
            self._flights.end(flight, error)

    async def _recover(self, flight: Flight, error: ExpertError) -> None:
        """Makes further attempts; the plain one that failed counts as the first."""
        tries = Tries(self._policy, asyncio.get_running_loop().time)
        plain: ExpertError | None = error

        async def attempt() -> None:
            nonlocal plain
            if plain is not None:
                first, plain = plain, None
                raise first
            flight.retried = asyncio.get_running_loop().create_future()
            try:
                self._lane_of(flight.request.expert).enter(flight)
                await flight.retried
            finally:
                flight.retried = None

        async def rest(seconds: float) -> None:
            await flight.pause.wait(seconds)

        try:
            await self._retrying.copy(stop=tries.over, sleep=rest)(attempt)
        except Exception as last:
            flight.recovery = None
            self._flights.end(flight, last)
