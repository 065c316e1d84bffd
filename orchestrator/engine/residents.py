"""The gate of experts that share memory: one group, of whose models only some are loaded at once."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.types import Expert

from .breaker import INSTANT
from .coming import Coming
from .flight import Flight, Leaving
from .habits import Habits
from .loading import Loading
from .outlook import Outlook, outlook
from .residency import Demand, Residency, Swap

if TYPE_CHECKING:
    from .lane import Lane

PASSES = 16
"""Passes of the event loop for which a model must be dry before another comes. A reply that was delivered wakes one
task after the other until the strategy asks again: each takes a pass, and no time."""

FIRST = 4
"""The same where there is room, as on an empty card: nobody's replies are waited for, only what comes together."""

LEAD = 0.005
"""Seconds by which the first call to a model that the server loads goes ahead of the others: were they sent together,
the server would hear of the model only when all of them are written. A load takes far longer."""

LATE = 256
"""Calls that come to a loaded model while others wait, and are still served before it counts as dry: without an end to
it a model that is always asked would never make room. So many calls are worth a swap."""

PACED = 5.0
"""Seconds for which a rate limit may hold a lane that still counts as asking: a model that is asked every second stays,
as to load another meanwhile would cost two loads; one that may be asked again in a minute makes room."""

_KEPT = 4096
"""Loads that are remembered one by one."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model was loaded."""

    group: str
    expert: str
    evicted: str | None
    at: float
    """By the clock of the loop."""
    waiting: int
    """Calls that waited for it."""


class Residents:
    """Lets the lanes of one group leave in turn.

    A model is drained whole, then the next one is loaded, and nothing waits for one expert while it holds another: an
    attempt that waits here holds no reservation. Experts with the same client, host and model are one model.

    Args:
        group: its name.
        capacity: models that are loaded at once.
        loading: all of its models.
        flights: everything that is under way, for any expert.
        coming: what strategies have declared.
        habits: what is to be expected beyond that.
        start: starts a task that ends with the engine.
    """

    def __init__(
        self,
        group: str,
        capacity: int,
        loading: Loading,
        flights: Callable[[], Iterable[Flight]],
        coming: Coming,
        habits: Habits,
        start: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self.group, self.policy = group, Residency(capacity)
        self.loads: Counter[str] = Counter()
        """By the id of the expert whose model it is."""
        self.history: deque[Loaded] = deque(maxlen=_KEPT)
        """The last of them."""
        self._loading, self._flights, self._start = loading, flights, start
        self._coming, self._habits = coming, habits
        self._lanes: defaultdict[str, list[Lane]] = defaultdict(list)
        self._models: dict[str, str] = {}
        """By the id of an expert."""
        self._ready: set[str] = set()
        """Models that may be asked: loaded, and not on their way in."""
        self._since: dict[str, None] = {}
        """Models that wait, in the order in which they began to."""
        self._over: set[str] = set()
        """Loaded models that have been asked for so long that others have their turn."""
        self._allowed: dict[str, int] = {}
        """Calls that each may still let out while others wait."""
        self._led: dict[str, bool] = {}
        """Models whose first call goes ahead, and whether one has."""
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        """When models that a rate limit holds are to be looked at again."""
        self._looking = False

    def add(self, lane: Lane) -> None:
        """A lane of the group."""
        model = self._models[lane.expert.id] = self._loading.know(lane.expert)
        self._lanes[model].append(lane)

    # -- what lanes ask -----------------------------------------------------------------

    def open(self, expert: Expert) -> bool:
        """Whether its model is loaded, and has not kept others waiting for too long."""
        model = self._models[expert.id]
        if model not in self._ready or model in self._over:
            return False
        self.policy.used(model)
        if model in self._allowed:
            self._allowed[model] -= 1
            if self._allowed[model] < 0:
                self._over.add(model)
                return False
        return model not in self._led or self._leads(model)

    def pumped(self, expert: Expert, queued: int) -> None:
        """The lane of an expert has let out what it could: where others wait, it is seen whether there is room."""
        model = self._models[expert.id]
        if queued and model not in self._ready:
            self._since.setdefault(model)
            self._remember(model)
        if self._looking:
            return
        if not self._somebody_waits():
            self._start_anew()
            return
        for model in self._ready - self._allowed.keys():
            self._allowed[model] = LATE + sum(lane.queued for lane in self._lanes[model])
        self._looking = True
        asyncio.get_running_loop().call_soon(self._look, FIRST if self._fits_another() else PASSES)

    def _remember(self, model: str) -> None:
        """Has a model that is not loaded looked at when its rate limit lets it ask: its lanes set no timer behind a
        gate that is closed."""
        waits = min((_paced(lane) for lane in self._lanes[model] if lane.queued), default=0.0) - PACED
        if (alarm := self._alarms.pop(model, None)) is not None:
            alarm.cancel()
        if waits > 0:
            self._alarms[model] = asyncio.get_running_loop().call_later(waits + INSTANT, self._pump, model)

    def _leads(self, model: str) -> bool:
        """Whether the call that asks is the first to a model; the others follow a little later, or at its end."""
        if any(lane.out for lane in self._lanes[model]):
            return False
        if not self._led[model]:
            self._led[model] = True
            asyncio.get_running_loop().call_later(LEAD, self._follow, model)
        return True

    def _follow(self, model: str) -> None:
        self._led.pop(model, None)
        self._pump(model)

    # -- swapping -----------------------------------------------------------------------

    def _look(self, passes: int) -> None:
        """Looks pass after pass whether there is still room, then uses it."""
        if self._has_room() and passes:
            asyncio.get_running_loop().call_soon(self._look, passes - 1)
            return
        self._looking = False
        if self._has_room():
            self._swap()

    def _has_room(self) -> bool:
        return self._fits_another() or any(map(self._dry, self.policy.loaded))

    def _fits_another(self) -> bool:
        return len(self.policy.loaded) < self.policy.capacity

    def _dry(self, model: str) -> bool:
        """Whether nothing of it is out, and nothing can leave."""
        if model not in self._ready:
            return False
        lanes = self._lanes[model]
        return not any(lane.out for lane in lanes) and (model in self._over or not any(map(_asks, lanes)))

    def _somebody_waits(self) -> bool:
        return any(_asks(lane) for model, lanes in self._lanes.items() if model not in self._ready for lane in lanes)

    def _swap(self) -> None:
        demand = self._demand()
        busy = [model for model in self.policy.loaded if not self._dry(model)]
        while (swap := self.policy.next(demand, busy)) is not None:
            busy.append(swap.load)
            self._begin(swap, demand[swap.load].queued)
        self._start_anew()

    def _start_anew(self) -> None:
        """Nobody has kept others waiting any more."""
        self._allowed.clear()
        over, self._over = self._over, set()
        for model in over:
            self._pump(model)

    def _pump(self, model: str) -> None:
        for lane in self._lanes[model]:
            lane.pump_soon()

    def _begin(self, swap: Swap, waiting: int) -> None:
        expert = self._loading.experts[swap.load]
        evicted = None if swap.evict is None else self._loading.experts[swap.evict]
        self.loads[expert.id] += 1
        at = asyncio.get_running_loop().time()
        self.history.append(Loaded(self.group, expert.id, None if evicted is None else evicted.id, at, waiting))
        self._since.pop(swap.load, None)
        if swap.evict is not None:
            self._ready.discard(swap.evict)
        if self._loading.told:
            self._start(self._bring(swap))
        else:
            self._led.setdefault(swap.load, False)
            self._let_in(swap.load)

    def _let_in(self, model: str) -> None:
        self._ready.add(model)
        self._pump(model)

    async def _bring(self, swap: Swap) -> None:
        await self._loading.swap(swap.load, swap.evict, self.policy.loaded)
        self._let_in(swap.load)

    def close(self) -> None:
        """Lets go of timers, which may be set for as long as a day's limit lasts."""
        for alarm in self._alarms.values():
            alarm.cancel()

    # -- demand -------------------------------------------------------------------------

    def _demand(self) -> dict[str, Demand]:
        """What there is to do; what the ledger does not admit now is no demand, and waits on its scopes."""
        models = dict.fromkeys((*self._since, *self._lanes))
        queued = {model: [f for lane in self._lanes[model] if _asks(lane) for f in lane.sift()] for model in models}
        places = self._places()
        alone = {problem: next(iter(waits)) for problem, waits in places.items() if len(waits) == 1}
        expected = self._expected(alone)
        return {model: self._of(model, flights, alone, expected) for model, flights in queued.items()}

    def _expected(self, alone: Mapping[Leaving, str]) -> Outlook:
        by_habit = {problem.followed: model for problem, model in alone.items() if problem.followed is not None}
        return outlook(self._habits.open, self._lanes, by_habit)

    def _of(self, model: str, flights: list[Flight], alone: Mapping[Leaving, str], expected: Outlook) -> Demand:
        completing, only = 0.0, set[Leaving]()
        for flight in flights:
            problems = [w.seat.leaving for w in flight.waiters if w.waiting and w.seat.leaving in alone]
            completing += max(map(self._goes_on, problems), default=0.0)
            only.update(problems)
        experts = [lane.expert.id for lane in self._lanes[model]]
        declared = sum(self._coming.calls[expert] for expert in experts)
        following = sum(self._coming.of(problem)[expert] for problem in only for expert in experts) if declared else 0
        likely, follow = expected.likely[model], expected.following[model]
        return Demand(len(flights), completing, declared + likely, following + follow, expected.unsure[model])

    def _goes_on(self, problem: Leaving) -> float:
        """The probability that a problem asks again when it has all replies; one that says so certainly does."""
        return 1.0 if problem.followed is None or self._coming.of(problem) else problem.followed.goes_on

    def _places(self) -> Mapping[Leaving, set[str]]:
        """By problem, the models that it waits for, and the experts outside of the group."""
        places: defaultdict[Leaving, set[str]] = defaultdict(set)
        for flight in self._flights():
            place = self._models.get(expert := flight.request.expert, expert)
            for waiter in flight.waiters:
                if waiter.waiting:
                    places[waiter.seat.leaving].add(place)
        return places


def _asks(lane: Lane) -> bool:
    """Whether something waits in a lane that neither a pause, a rate limit nor a lost expert holds back."""
    if not lane.queued or lane.closed or lane.breaker.lost is not None:
        return False
    return lane.hold <= INSTANT and _paced(lane) <= PACED


def _paced(lane: Lane) -> float:
    """Seconds for which a rate limit holds a lane."""
    now = asyncio.get_running_loop().time()
    return max(0.0, lane.throttle.opens_at(0, now) - now)
