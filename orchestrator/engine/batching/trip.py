"""One batch, from when it leaves to when its replies are handed out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.errors import ExpertError, ExpertLost, OrchestratorError, RateLimited, UnknownModel
from orchestrator.ledger import Reservation
from orchestrator.types import BatchResult, BatchStanding, Request, Undecided

from ..entries import row
from ..flight import Departure, Flight, State
from ..flights import Flights
from ..journal import Journal
from .endings import Barred, Lost, Unsent
from .file import packed
from .landing import Landing
from .log import LeftOut
from .looks import FIRST_LOOK, LONGEST_LOOK, LOOKS_GROW, SLACK, SURE
from .seeking import sought, which

if TYPE_CHECKING:
    from .lane import BatchLane

_FETCHES = 20
"""Tries to have results that are refused before they are given up."""
_FETCHING = 6 * 3600.0
"""Seconds before they are given up where the provider, or the way to it, is down: all of it would be paid again."""
_UNSENT = 6
"""Times in a row that batches are not taken before no more are sent: five minutes, as all that follows costs more."""
_PAUSE = 5.0
"""Seconds until the next batch after the first that was not taken."""


@dataclass(frozen=True, slots=True)
class Base:
    """What all trips need."""

    journal: Journal
    flights: Flights
    refuse: Callable[[Flight, OrchestratorError], None]
    """Tells whoever waits for a flight of an error that asking again would not mend."""
    tell: Callable[[str], None]
    dropped: Callable[[str, tuple[str, ...]], None]
    """Notes which settings an expert does not take."""
    clock: Callable[[], float]
    wall: Callable[[], float]
    """Seconds since the epoch."""


@dataclass(eq=False, slots=True)
class Trip:
    """A batch that is out.

    Its token is committed before it leaves, so that a process that comes later finds it at the provider. One that an
    earlier process sent is adopted: whoever asks for one of its requests waits for it, and what nobody asks for is kept
    in the journal all the same, as it is paid.
    """

    base: Base
    lane: BatchLane
    departure: Departure
    token: str
    left: LeftOut | None = None
    """What the journal knows of it, where an earlier process sent it."""
    id: str | None = None
    since: float = 0.0
    """When it left, by the loop's clock."""
    standing: BatchStanding | None = None
    """As last seen."""
    hold: Reservation | None = None
    """What is kept for it on the run's scope, where an earlier process sent it."""
    task: asyncio.Task[None] | None = None
    asked: dict[bytes, Request] = field(default_factory=dict)
    """What its results are read by; what is asked for while they are fetched is put in too."""
    called_off: bool = False
    told: bool = False
    """That it could not be called off."""
    late: bool = False
    """It was called off, or lost, for being long past its window."""
    opened: float = 0.0
    """When it left, in seconds since the epoch."""

    def __post_init__(self) -> None:
        self.since, self.opened = self.base.clock(), self.base.wall()
        if self.left is not None:
            self.opened = self.left.opened
            self.id, self.departure.row = self.left.id, self.left.attempt
            self.since -= max(0.0, self.base.wall() - self.left.opened)

    @property
    def calls(self) -> int:
        """Requests in it."""
        return len(self.left.worst) if self.left is not None else len(self.departure.flights)

    @property
    def over(self) -> bool:
        """Its provider has ended it."""
        return self.standing is not None and self.standing.ended

    @property
    def name(self) -> str:
        """For messages."""
        return f"expert '{self.lane.expert.id}': batch {self.id or '(not yet named)'}"

    def take(self, flight: Flight) -> None:
        """Lets somebody wait for a request that an earlier process has put into it."""
        flight.state, flight.abandoned, flight.leader = State.OUT, False, None
        if flight.departure is not self.departure:
            flight.departure = self.departure
            self.departure.flights.append(flight)
            self.asked[flight.request.key] = flight.request

    async def run(self) -> None:
        """From leaving to landing, whatever happens between."""
        try:
            await (self._leave() if self.left is None else self._refind(self.left))
            if self.departure.flights or self.left is not None:
                standing = await self._follow()
                results = await self._results(standing)
                await self._landing.land(standing, results)
        except Unsent as unsent:
            self._unsent(unsent.error)
        except Lost as lost:
            self._landing.give_up(str(lost))
        except Barred as barred:
            self._bar(barred.error)
        except Exception as error:
            # The journal's fault, or ours: whoever asked gets it as it is.
            self._abort(error)
        finally:
            self.lane.left_port(self)

    async def cancel(self) -> None:
        """Has the provider stop, as far as it can be reached.

        Raises:
            ExpertError: it may go on.
        """
        carrier = self.lane.carrier
        if self.id is None and self.departure.row is not None and carrier.finds:
            found = await carrier.find(self.token, self.calls, self.opened)
            if isinstance(found, Undecided):
                raise ExpertError(which(found), expert=self.lane.expert.id)
            self.id = found
        if self.id is not None:
            await carrier.cancel(self.id)

    @property
    def _landing(self) -> Landing:
        return Landing(self)

    # -- leaving ------------------------------------------------------------------------

    async def _leave(self) -> None:
        """Sends it.

        Raises:
            Unsent, Lost: it is not out, or nobody knows.
        """
        lines = await packed(self)
        flights = self.departure.flights
        if not flights:
            return
        attempt = replace(row(self.lane.expert, flights), batch=self.token)
        self.departure.row = await self.base.journal.open(attempt)
        self.since, self.opened = self.base.clock(), self.base.wall()
        try:
            self.id = await self.lane.carrier.submit(lines, flights[0].request.sampling.mode, self.token)
        except ExpertError as error:
            self.id = None if error.refunded else await sought(self)
            if self.id is None:
                raise Unsent(error) from None
        self.lane.refused = 0
        await self.base.journal.batches.known(self.departure.row, self.id)

    async def _refind(self, left: LeftOut) -> None:
        if self.id is not None:
            return
        self.id = await sought(self)
        if self.id is None:
            raise Unsent(ExpertError("it never reached the provider", expert=left.expert))
        await self.base.journal.batches.known(left.attempt, self.id)

    def _unsent(self, error: ExpertError) -> None:
        """Closes what was surely not taken; its flights wait for the next, or are asked at once."""
        self._landing.close(str(error), charged=False)
        others = any(other is not self and not other.over for other in self.lane.trips)
        if self.left is None and isinstance(error, RateLimited) and others:
            self.lane.pause(error.retry_after or LONGEST_LOOK)  # there is room once those that are out have ended
        elif self.left is None:
            self.lane.refuse(self.since)
            if self.lane.refused >= _UNSENT or not error.retried:
                why = f"its batches are not taken ({error.message})"
                self.base.tell(
                    f"expert '{self.lane.expert.id}': {why}; it is asked at once from here on, at full price"
                )
                self.lane.ground(why)
            else:
                self.lane.pause(error.retry_after or _PAUSE * 2**self.lane.refused)
        for flight in tuple(self.departure.flights):
            self._landing.once_more(flight, failed=False)

    # -- on the way ---------------------------------------------------------------------

    async def _follow(self) -> BatchStanding:
        """Looks at it, ever more rarely, until it has ended.

        Raises:
            Lost: the provider does not know it any more, or goes on long past the window.
            Barred: the key is not good for it any more.
        """
        assert self.id is not None
        pause, strikes = FIRST_LOOK, 0
        until = self.since + self.lane.terms.seconds + SLACK
        # One of an earlier process may long be over, which only a look tells.
        last = max(until, self.base.clock()) + SLACK
        while True:
            await asyncio.sleep(pause)
            pause = min(LONGEST_LOOK, pause * LOOKS_GROW)
            if not self.called_off and (self.late or (self.left is None and self.departure.abandoned)):
                await self._call_off()
            try:
                self.standing, strikes = await self.lane.carrier.look(self.id), 0
                if self.standing.ended:
                    return self.standing
            except ExpertError as error:
                strikes = self.struck(error, strikes)
            self.late = self.base.clock() > until
            if self.base.clock() > last:
                raise Lost("goes on past its window, and does not stop")

    async def _call_off(self) -> None:
        """Nobody wants it any more, or its time is over."""
        try:
            await self.cancel()
        except ExpertError as error:
            if not self.told:
                self.base.tell(f"{self.name} could not be cancelled: {error.message}")
            self.told = True  # it is tried again before every look
            return
        self.called_off = True

    def struck(self, error: ExpertError, before: int) -> int:
        """Counts answers that leave no hope; those that may be a passing fault do not count."""
        strikes = before + 1 if isinstance(error, ExpertLost) else 0
        if strikes < SURE:
            return strikes
        if isinstance(error, UnknownModel):
            raise Lost("is not known to its provider any more")
        raise Barred(error)

    async def _results(self, standing: BatchStanding) -> Sequence[BatchResult]:
        """What became of its requests.

        Raises:
            Lost: they are not to be had.
            Barred: the key is not good for them any more.
        """
        pause, strikes, tries, until = FIRST_LOOK, 0, 0, self.base.clock() + _FETCHING
        while True:
            self.asked.update((flight.request.key, flight.request) for flight in self.departure.flights)
            try:
                return await self.lane.carrier.results(standing, self.asked)
            except ExpertError as error:
                strikes = self.struck(error, strikes)
                tries += not error.retried
                if tries >= _FETCHES or self.base.clock() > until:
                    raise Lost(f"has ended, and its results are not to be had ({error.message})") from None
            await asyncio.sleep(pause)
            pause = min(LONGEST_LOOK, pause * LOOKS_GROW)

    def _bar(self, error: ExpertError) -> None:
        """Leaves it out for a run with a better key: nothing more can be done here."""
        self.base.tell(f"{self.name} of {self.calls} calls stays out: {error.message}")
        lost = error if isinstance(error, ExpertLost) else ExpertLost(error.message, expert=error.expert)
        for lane in (self.lane, self.lane.live):
            lane.breaker.lost = lane.breaker.lost or lost
        self._abort(lost)

    def _abort(self, error: Exception) -> None:
        """Ends whoever waits. In the journal it stays open, so that a later process looks for it."""
        for flight in tuple(self.departure.flights):
            flight.settle_failure(charged=self.departure.row is not None)
            self.base.flights.end(flight, error)
        if self.hold is not None:
            self.hold.charge()
