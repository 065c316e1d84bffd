"""A card in a simulation of events: chains of calls, and orders in which their models are loaded."""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.engine import Demand, Residency

LOAD, SLOTS = 2.0, 8
Chain = tuple[tuple[str, float], ...]
"""Model and seconds of each stage."""


def chains(seed: int, *, models: int = 16, problems: int = 100, stages: int = 4) -> list[Chain]:
    """Each goes over as many different models as it has stages; calls take a second by the median."""
    rng = random.Random(seed)
    names = [f"m{i}" for i in range(models)]
    return [tuple((m, rng.lognormvariate(0, 0.5)) for m in rng.sample(names, stages)) for _ in range(problems)]


@dataclass
class State:
    """What an order may look at."""

    chains: list[Chain]
    in_flight: int
    queues: defaultdict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """By model, (when it came, problem)."""
    stage: Counter[int] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    came: int = 0

    @property
    def waiting(self) -> list[str]:
        """Those that have waited longest first."""
        return sorted((m for m, queue in self.queues.items() if queue), key=lambda m: self.queues[m][0])

    @property
    def coming(self) -> Counter[str]:
        """Calls of problems under way that have not come yet."""
        open_ones = (p for p in range(self.begun) if self.stage[p] < len(self.chains[p]))
        return Counter(m for p in open_ones for m, _ in self.chains[p][self.stage[p] + 1 :])

    def late(self, times: float = 1.5) -> str | None:
        waiting = self.waiting
        late = [m for m in waiting if self.passed[m] > times * len(waiting)]
        return max(late, key=lambda m: self.passed[m], default=None)


Order = Callable[[State], str]


def makespan(work: list[Chain], order: Order, in_flight: int = 32) -> float:
    """Seconds until all chains have ended, where a loaded model is drained whole and nobody lingers."""
    state, running, now, loaded = State(work, in_flight), list[tuple[float, int]](), 0.0, ""
    for _ in range(min(in_flight, len(work))):
        _begin(state)
    while True:
        queue = state.queues[loaded]
        while queue and len(running) < SLOTS:
            _, problem = heapq.heappop(queue)
            heapq.heappush(running, (now + work[problem][state.stage[problem]][1], problem))
        if running:
            now, problem = heapq.heappop(running)
            state.stage[problem] += 1
            if state.stage[problem] < len(work[problem]):
                _ask(state, problem)
            else:
                _begin(state)
        elif waiting := state.waiting:
            loaded = order(state)
            state.passed = Counter({m: state.passed[m] + 1 for m in waiting if m != loaded})
            now += LOAD
        else:
            return now


def _begin(state: State) -> None:
    if state.begun < len(state.chains):
        state.begun += 1
        _ask(state, state.begun - 1)


def _ask(state: State, problem: int) -> None:
    state.came += 1
    heapq.heappush(state.queues[state.chains[problem][state.stage[problem]][0]], (state.came, problem))


# -- orders -----------------------------------------------------------------------------------


def oldest(state: State) -> str:
    return state.waiting[0]


def deepest(state: State) -> str:
    return max(state.waiting, key=lambda m: len(state.queues[m]))


def deepest_with_age(state: State) -> str:
    return state.late() or deepest(state)


def announced(state: State) -> str:
    """Models for which all has come, else those for which least is to come."""
    coming = state.coming
    return max(state.waiting, key=lambda m: (-coming[m], len(state.queues[m])))


def by_weight(state: State) -> str:
    """Twice the depth, as each call ends a stage, less what is to come."""
    coming = state.coming
    return state.late() or max(state.waiting, key=lambda m: 2 * len(state.queues[m]) - coming[m])


PUBLISHED: Mapping[str, Order] = {
    "oldest": oldest, "deepest": deepest, "deepest with age": deepest_with_age, "announced": announced,
    "weight with age": by_weight,
}  # fmt: skip


def randomised(seed: str, spread: float) -> Order:
    """The deepest, each depth multiplied by chance."""
    rng = random.Random(seed)
    return lambda state: max(state.waiting, key=lambda m: len(state.queues[m]) * rng.lognormvariate(0, spread))


def ours(declared: bool) -> Order:
    """The engine's policy; with `declared` strategies say what their chains will ask."""
    policy = Residency()

    def order(state: State) -> str:
        coming = state.coming if declared else Counter[str]()
        demand = {m: Demand(n := len(state.queues[m]), n, coming[m]) for m in state.waiting}
        policy.loaded.clear()  # a model that was left dry may be the next one again
        swap = policy.next(demand, ())
        assert swap is not None
        return swap.load

    return order
