"""A card in a simulation of events: problems that ask models in steps, and orders in which the models are loaded.

The card holds one model; a load takes `LOAD` seconds, `SLOTS` calls are answered at once, and a call takes a second by
the median (lognormal, 0.5). A loaded model is drained whole, and nobody lingers.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import NamedTuple

from orchestrator.engine import Demand, Residency
from orchestrator.engine.habits import Followed, Habits
from orchestrator.engine.outlook import Outlook, outlook

LOAD, SLOTS = 2.0, 8
IN_FLIGHT: Mapping[str, int] = {"E": 32}
"""Problems that are under way at the same time, by setting; everywhere else all that have come."""
SETTINGS: Mapping[str, str] = {
    "A": "3 experts each", "B": "and one common writer", "C": "and a writer out of their own experts",
    "D": "chains of 4 models", "E": "chains of 4, 32 problems at a time", "F": "as B, one problem a second",
    "G": "as F, and 2 s of tools before the writer",
}  # fmt: skip

Call = tuple[str, float]
"""Model and seconds."""


@dataclass(frozen=True)
class Work:
    """One problem: steps of calls that are made together, each step when the one before it is answered."""

    steps: tuple[tuple[Call, ...], ...]
    comes: float = 0.0
    pause: float = 0.0
    """Seconds between the last step and the one before it."""


def drawn(setting: str, seed: int, *, models: int = 16, problems: int = 100) -> list[Work]:
    """The problems of a setting."""
    rng = random.Random(seed)
    names = [f"m{i}" for i in range(models)]
    now, found = 0.0, list[Work]()
    for _ in range(problems):
        found.append(_one(setting, rng, names, now))
        now += rng.expovariate(1.0) if setting in "FG" else 0.0
    return found


def _one(setting: str, rng: random.Random, names: Sequence[str], comes: float) -> Work:
    def call(model: str) -> Call:
        return model, rng.lognormvariate(0, 0.5)

    if setting in "DE":
        return Work(tuple((call(model),) for model in rng.sample(names, 4)))
    team = rng.sample(names, 3)
    experts = tuple(map(call, team))
    if setting == "A":
        return Work((experts,))
    writer = rng.choice(team) if setting == "C" else names[0]
    return Work((experts, (call(writer),)), comes, 2.0 if setting == "G" else 0.0)


class Waiting(NamedTuple):
    """A call in the queue of its model; those that leave sooner are less."""

    place: tuple[int, int]
    number: int
    problem: int
    seconds: float
    since: float


@dataclass
class State:
    """What an order may look at."""

    work: Sequence[Work]
    in_flight: int
    in_turn: bool
    """Whether calls leave by (problem, deepest step first), as the engine has it, or as they came."""
    habits: Habits | None = None
    """Told of all calls, for orders that go by what was seen before."""
    declares: bool = False
    """Whether problems have said whom they ask."""
    queues: defaultdict[str, list[Waiting]] = field(default_factory=lambda: defaultdict(list))
    step: Counter[int] = field(default_factory=Counter)
    places: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By problem, the models that it waits for."""
    open: set[int] = field(default_factory=set)
    followed: dict[int, Followed] = field(default_factory=dict)
    passed: Counter[str] = field(default_factory=Counter)
    now: float = 0.0
    begun: int = 0
    came: int = 0

    @property
    def waiting(self) -> list[str]:
        """Models that wait, those that have waited longest first."""
        first = {model: self._first(queue) for model, queue in self.queues.items() if queue}
        return sorted(first, key=first.__getitem__)

    def _first(self, queue: Sequence[Waiting]) -> int:
        return min(call.number for call in queue) if self.in_turn else queue[0].number

    def later(self, problem: int) -> Counter[str]:
        """Calls that a problem has still to make, those of its present step not among them."""
        return Counter(model for step in self.work[problem].steps[self.step[problem] + 1 :] for model, _ in step)

    @property
    def coming(self) -> Counter[str]:
        """What all that are under way have still to make."""
        return Counter(chain.from_iterable(self.later(problem).elements() for problem in self.open))

    def alone(self, model: str) -> list[int]:
        """Problems that wait for nothing but this model, one for each call."""
        return [call.problem for call in self.queues[model] if self.places[call.problem].keys() == {model}]

    def late(self, times: float = 1.5) -> str | None:
        waiting = self.waiting
        late = [model for model in waiting if self.passed[model] > times * len(waiting)]
        return max(late, key=lambda model: self.passed[model], default=None)

    # -- what happens -------------------------------------------------------------------

    def begin(self) -> None:
        """Lets problems begin that have come, as many as may be under way."""
        while self.begun < len(self.work) and len(self.open) < self.in_flight and self.next_comes <= self.now:
            self.open.add(self.begun)
            if self.habits is not None:
                self.followed[self.begun] = self.habits.follow("alike")
            self.begun += 1
            self.ask(self.begun - 1)

    @property
    def next_comes(self) -> float:
        full = self.begun == len(self.work) or len(self.open) >= self.in_flight
        return float("inf") if full else self.work[self.begun].comes

    def ask(self, problem: int) -> None:
        place = (problem, -self.step[problem]) if self.in_turn else (0, 0)
        for model, seconds in self.work[problem].steps[self.step[problem]]:
            self.came += 1
            self.places[problem][model] += 1
            if self.habits is not None:
                self.followed[problem].asks(model, self.step[problem], self.declares)
            heapq.heappush(self.queues[model], Waiting(place, self.came, problem, seconds, self.now))

    def answered(self, problem: int, model: str) -> float | None:
        """Notes a reply; the seconds until the problem asks again, if it does."""
        places = self.places[problem]
        places[model] -= 1
        if not places[model]:
            del places[model]
        if places:
            return None
        self.step[problem] += 1
        left = len(self.work[problem].steps) - self.step[problem]
        if not left:
            self.open.discard(problem)
            if self.habits is not None:
                self.habits.end(self.followed.pop(problem))
            return None
        return self.work[problem].pause if left == 1 else 0.0


Order = Callable[[State], str]


@dataclass(frozen=True)
class Ended:
    seconds: float
    loads: int


def simulated(work: Sequence[Work], order: Order, in_flight: int | None = None, *, linger: float = 0.0) -> Ended:
    """Has all problems solved, where `order` says which model comes once the loaded one is dry."""
    return solved(State(work, in_flight or len(work), in_turn=False), order, linger)


def by_us(work: Sequence[Work], declared: bool, in_flight: int | None = None) -> Ended:
    """The same as the engine does it; with `declared` strategies say what they will ask, else it has to learn it."""
    return solved(State(work, in_flight or len(work), in_turn=True, habits=Habits(), declares=declared), ours())


def solved(state: State, order: Order, linger: float = 0.0) -> Ended:
    running, paused = list[tuple[float, int, str]](), list[tuple[float, int]]()
    loaded, loads, dry = "", 0, None
    while True:
        while paused and paused[0][0] <= state.now:
            state.ask(heapq.heappop(paused)[1])
        state.begin()
        queue = state.queues[loaded] if loaded else []
        while queue and len(running) < SLOTS:
            call = heapq.heappop(queue)
            heapq.heappush(running, (state.now + call.seconds, call.problem, loaded))
        if not running and any(state.queues.values()):
            dry = state.now if dry is None else dry
            if not loaded or state.now >= dry + linger:
                loaded, dry, loads = _swapped(state, order), None, loads + 1
                continue
        else:
            dry = None
        soonest = [events[0][0] for events in (running, paused) if events] + [state.next_comes]
        state.now, ended = min([*soonest, float("inf") if dry is None else dry + linger]), state.now
        if state.now == float("inf"):
            return Ended(ended, loads)
        while running and running[0][0] <= state.now:
            _, problem, model = heapq.heappop(running)
            pause = state.answered(problem, model)
            if pause is not None:
                heapq.heappush(paused, (state.now + pause, problem))


def _swapped(state: State, order: Order) -> str:
    waiting, chosen = state.waiting, order(state)
    state.passed = Counter({model: state.passed[model] + 1 for model in waiting if model != chosen})
    state.now += LOAD
    return chosen


def bound(work: Sequence[Work]) -> float:
    """Seconds that no order can do with less than: each model once, and all slots busy."""
    calls = [call for problem in work for step in problem.steps for call in step]
    return LOAD * len({model for model, _ in calls}) + sum(seconds for _, seconds in calls) / SLOTS


# -- orders -----------------------------------------------------------------------------------


def oldest(state: State) -> str:
    return state.waiting[0]


def deepest(state: State) -> str:
    return max(state.waiting, key=lambda model: len(state.queues[model]))


def deepest_unless_starved(state: State) -> str:
    """Whoever has waited for a minute goes first."""
    since = {model: min(call.since for call in state.queues[model]) for model in state.waiting}
    first = min(since, key=lambda model: since[model])
    return first if state.now - since[first] > 60 else deepest(state)


def deepest_with_age(state: State) -> str:
    return state.late() or deepest(state)


def announced(state: State) -> str:
    """Models for which all has come, else those for which least is to come."""
    coming = state.coming
    return max(state.waiting, key=lambda model: (-coming[model], len(state.queues[model])))


def by_weight(state: State) -> str:
    """The depth, calls that let a problem go on twice, less what is to come."""
    coming = state.coming
    weight = {model: len(state.queues[model]) + len(state.alone(model)) - coming[model] for model in state.waiting}
    return state.late() or max(weight, key=lambda model: weight[model])


PUBLISHED: Mapping[str, tuple[Order, float]] = {
    "oldest": (oldest, 0.0), "oldest, linger 0.5 s": (oldest, 0.5), "oldest, linger 2 s": (oldest, 2.0),
    "deepest": (deepest, 0.0), "deepest, 60 s at most": (deepest_unless_starved, 0.0),
    "deepest with age": (deepest_with_age, 0.0), "announced": (announced, 0.0), "weight with age": (by_weight, 0.0),
}  # fmt: skip
"""Orders, and the seconds that a dry model is kept."""

SPREADS = (0.3, 0.6, 1.0, 2.0)


def randomised(seed: str, spread: float) -> Order:
    """The deepest, each depth multiplied by chance."""
    rng = random.Random(seed)
    return lambda state: max(state.waiting, key=lambda m: len(state.queues[m]) * rng.lognormvariate(0, spread))


def ours() -> Order:
    """The engine's policy."""
    policy = Residency()

    def order(state: State) -> str:
        waiting = state.waiting
        alone = {state.followed[problem]: model for model in waiting for problem in state.alone(model)}
        expected = outlook(state.followed.values(), waiting, alone)
        demand = {model: _demand(state, model, expected) for model in waiting}
        policy.loaded.clear()  # a model that was left dry may be the next one again
        swap = policy.next(demand, ())
        assert swap is not None
        return swap.load

    return order


def _demand(state: State, model: str, expected: Outlook) -> Demand:
    alone = state.alone(model)
    completing = sum(_goes_on(state, problem) for problem in alone)
    declared, following = expected.likely[model], expected.following[model]
    if state.declares:
        declared += state.coming[model]
        following += sum(state.later(problem)[model] for problem in set(alone))
    return Demand(len(state.queues[model]), completing, declared, following, expected.unsure[model])


def _goes_on(state: State, problem: int) -> float:
    return 1.0 if state.declares else state.followed[problem].goes_on


@dataclass(frozen=True)
class Compared:
    """One seed of a setting: the engine's policy beside the best of all others."""

    mine: Mapping[bool, Ended]
    """By whether strategies say what they will ask."""
    published: Mapping[str, float]
    """Seconds by name."""
    chance: float
    """Seconds of the best randomised order."""
    bound: float

    @property
    def best(self) -> float:
        """Seconds of the best that is known, ours among them."""
        return min(*self.published.values(), self.chance, *(ended.seconds for ended in self.mine.values()))

    def ratio(self, declared: bool) -> float:
        """Our seconds to the best."""
        return self.mine[declared].seconds / self.best


def compared(setting: str, seed: int, *, trials: int, models: int = 16) -> Compared:
    """The same problems by the engine's policy, by the published ones and by `trials` randomised ones."""
    work = drawn(setting, seed, models=models)
    run = partial(simulated, work, in_flight=IN_FLIGHT.get(setting))
    published = {name: run(order, linger=linger).seconds for name, (order, linger) in PUBLISHED.items()}
    tries = (run(randomised(f"{seed} {i}", SPREADS[i % len(SPREADS)])).seconds for i in range(trials))
    mine = {declared: by_us(work, declared, IN_FLIGHT.get(setting)) for declared in (True, False)}
    return Compared(mine, published, min(tries, default=float("inf")), bound(work))
