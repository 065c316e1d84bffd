"""What a lane does about prefixes: its queue's trains, and calls that go before others and warm a provider's cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.protocols import Backend, Prefixing
from orchestrator.types import Expert, Mark, PrefixCache, Price, Request, Response

from .flight import Flight
from .prefix import Prefix, prefixes_of
from .trains import Trains

PATIENCE = 5.0
"""Seconds for which others wait for the first token of a call that leads."""
READS = 5000.0
"""Tokens of a prompt that a provider reads in a second, at the least: they come on top of it."""
TRIES = 2
"""Leads that may fail before all go."""
MARKS = 4
"""Places that a provider lets one mark in a call."""
_KEPT = 4096
"""Prefixes that are remembered."""


@dataclass(slots=True, eq=False)
class Lead:
    """A call that goes before others that share prefixes with it."""

    prefixes: tuple[Prefix, ...]
    """Those that it warms for others."""
    held: list[Flight] = field(default_factory=list)
    """Who waits for it."""
    left: float = 0.0
    timer: asyncio.TimerHandle | None = None
    over: bool = False
    """It has begun to answer, has failed, or took too long."""


@dataclass(slots=True, eq=False)
class Shared:
    """What one departure shares with others."""

    prefixes: tuple[Prefix, ...]
    kept: tuple[Prefix, ...] = ()
    """Those that the provider is asked to keep, where it keeps only what it is asked to."""
    lead: Lead | None = None
    left: float = 0.0
    """When it was sent: from then on the provider keeps it, however long it takes to answer."""
    answered: bool = False

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Where its conversation is cut: at every prefix up to the last one that is kept."""
        if not self.kept:
            return ()
        cut = self.prefixes[: self.prefixes.index(self.kept[-1]) + 1]
        return tuple(Mark(prefix.message, prefix.end, prefix in self.kept) for prefix in cut)


class Prefixes:
    """Prefixes of one lane.

    Where the provider keeps what it was asked, and reading that is cheaper, the first of several that share a long
    prefix leaves alone. The others follow at its first token where the client can tell, else at its reply, and after
    some seconds in any case. If it fails another one leads; if that fails too all go.

    Args:
        again: puts those that waited back into the queue.
    """

    def __init__(
        self, expert: Expert, backend: Backend, clock: Callable[[], float], again: Callable[[Sequence[Flight]], None]
    ) -> None:
        self._backend = backend if isinstance(backend, Prefixing) else None
        self.cache: PrefixCache | None = None if self._backend is None else self._backend.prefix_cache
        self._price, self._clock, self._again = expert.price or Price(), clock, again
        self._trains = Trains()
        self._warm: dict[int, float] = {}
        """Until when what has been asked is kept."""
        self._leads: dict[int, Lead] = {}
        self._failed: dict[int, int] = {}

    # -- the queue ----------------------------------------------------------------------

    def enter(self, flight: Flight, mate: Flight | None, ticket: int) -> tuple[int, ...]:
        """The place in the queue of a flight that enters it; `mate` asks the same for another sample."""
        flight.prefixes = prefixes_of(flight.request) if mate is None else mate.prefixes
        return self._trains.place(flight.prefixes, ticket) if flight.prefixes else (ticket,)

    def remove(self, flight: Flight) -> None:
        """A flight waits in the queue no longer."""
        if flight.prefixes:
            self._trains.leave(flight.prefixes)

    # -- leads --------------------------------------------------------------------------

    def holds(self, flight: Flight) -> bool:
        """Whether a flight has to wait for another that leads; it is put back into the queue in time."""
        if not self._leads:
            return False
        for prefix in flight.prefixes:
            if (lead := self._leads.get(prefix.name)) is not None:
                lead.held.append(flight)
                return True
        return False

    def leaves(self, flights: Sequence[Flight]) -> Shared | None:
        """What a departure shares that leaves now: its flights, which have one prompt, no longer wait."""
        if self.cache is None or not flights[0].prefixes:
            return None
        least = self.cache.least
        prefixes = tuple(prefix for prefix in flights[0].prefixes if prefix.tokens >= least)
        if not prefixes:
            return None
        now = self._clock()
        warm = max((i for i, p in enumerate(prefixes, 1) if self._warm.get(p.name, 0.0) > now), default=0)
        to_warm = tuple(p for p in prefixes[warm:] if self._pays(p) and self._failed.get(p.name, 0) < TRIES)
        shared = Shared(prefixes)
        if to_warm:
            shared.lead = Lead(to_warm)
            self._leads |= {prefix.name: shared.lead for prefix in to_warm}
        if self.cache.marked:
            shared.kept = (*prefixes[:warm][-1:], *to_warm)[-MARKS:]
        return shared

    def _pays(self, prefix: Prefix) -> bool:
        others = self._trains.waiting(prefix)
        if not others:
            return False
        return self.cache is None or not self.cache.marked or self._price.pays_to_write(others)

    # -- on the way ---------------------------------------------------------------------

    async def complete(self, shared: Shared, batch: Sequence[Request]) -> Response:
        """The answer to a departure; whoever waits for a lead follows as soon as it has begun to answer."""
        assert self._backend is not None
        lead, shared.left = shared.lead, self._clock()
        if lead is None:
            response = await self._backend.complete_shared(batch, shared.marks)
        else:
            # By then the prompt has long been read, unless the call waits in a queue of the provider's.
            patience = PATIENCE + lead.prefixes[-1].tokens / READS
            lead.left = shared.left
            lead.timer = asyncio.get_running_loop().call_later(patience, self._gave_up, lead)
            response = await self._backend.complete_shared(batch, shared.marks, lambda: self._began(lead))
        shared.answered = True
        return response

    def ended(self, shared: Shared) -> None:
        """A departure has ended, whichever way."""
        if shared.answered:
            self._learn(shared)
        if (lead := shared.lead) is None or lead.over:
            return
        if shared.answered:
            self._began(lead)
            return
        if len(self._failed) > _KEPT:
            self._failed.clear()
        for prefix in lead.prefixes:
            self._failed[prefix.name] = self._failed.get(prefix.name, 0) + 1
        self._finish(lead)

    def _learn(self, shared: Shared) -> None:
        """What was asked, and where that is needed marked, is kept from now on."""
        assert self.cache is not None
        for prefix in shared.prefixes:
            self._failed.pop(prefix.name, None)
        self._keep(shared.kept if self.cache.marked else shared.prefixes, shared.left)

    def _began(self, lead: Lead) -> None:
        for prefix in lead.prefixes:
            self._failed.pop(prefix.name, None)
        self._keep(lead.prefixes, lead.left)
        if not lead.over:
            self._finish(lead)

    def _gave_up(self, lead: Lead) -> None:
        """It takes too long: the others go without one, and mark nothing, as they would all write what they share."""
        for prefix in lead.prefixes:
            self._failed[prefix.name] = TRIES
        self._finish(lead)

    def _keep(self, prefixes: Sequence[Prefix], since: float) -> None:
        assert self.cache is not None
        now = self._clock()
        for prefix in prefixes:
            self._warm[prefix.name] = max(self._warm.get(prefix.name, 0.0), since + self.cache.seconds)
        if len(self._warm) > _KEPT:
            self._warm = {name: until for name, until in self._warm.items() if until > now}
            while len(self._warm) > _KEPT:
                del self._warm[next(iter(self._warm))]

    def _finish(self, lead: Lead) -> None:
        lead.over = True
        if lead.timer is not None:
            lead.timer.cancel()
        for prefix in lead.prefixes:
            if self._leads.get(prefix.name) is lead:
                del self._leads[prefix.name]
        self._again(lead.held)
        lead.held = []
