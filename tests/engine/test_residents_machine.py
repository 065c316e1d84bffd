"""A whole engine on one card, in any order of problems, storms, caps and leavers: everybody comes to an end.

The tightest case: one model fits, every expert lets out one call at a time, and all of them are in one group.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from orchestrator.budget import Budget
from orchestrator.conduct import Conduct, Setting
from orchestrator.contest import contestant_for
from orchestrator.engine import Engine, Seat
from orchestrator.engine.lane import Lane
from orchestrator.engine.outlook import outlook
from orchestrator.errors import BudgetExceeded, ConnectionLost, ExpertError, RateLimited
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Message, Price, Problem
from tests.clock import VirtualClockLoop, route_time
from tests.engine.card import Card, asked, engine_on, group, seat
from tests.quiet import QUIET

NAMES = "abcd"
STORMS = {
    "429": lambda: RateLimited("slow down"),
    "429 and when": lambda: RateLimited("slow down", retry_after=20.0),
    "reset": lambda: ConnectionLost("reset"),
}
NESTED = (
    'symbolic_moe(tagging="text", inner=moa(layers=2, proposers=2))', "debate(agents=3, rounds=2)",
    "moa(layers=3, proposers=3, inner=debate(agents=2))", "moa(layers=2, proposers=4)",
    "self_consistency(samples=3)", "best_of_n(samples=2)",
)  # fmt: skip


class Crowd(RuleBasedStateMachine):
    """Problems are chains of steps, each of which asks one expert for some samples and waits for all of them; or whole
    strategies, nested, that are checked and chosen among by experts of the same card."""

    concurrency = 1
    card: Card
    engine: Engine

    @initialize(capacity=st.sampled_from([1, 1, 1, 2]), calls=st.sampled_from([None, 12, 40]))
    def begin(self, capacity: int, calls: int | None) -> None:
        self.loop = VirtualClockLoop(auto=False)
        self.faults: deque[ExpertError] = deque()
        self.capacity = capacity
        self.wallet = Scope("run", Budget(calls=calls), paid=True)
        self.tasks: list[asyncio.Task[None]] = []
        self.asked = 0

        async def open_all() -> None:
            self.card = Card(load_s=2.0, slots=8, capacity=capacity, fault=self.fault)
            experts = group(NAMES, resident_capacity=capacity, concurrency=self.concurrency, price=Price())
            self.engine = engine_on(self.card, experts)
            await self.engine.__aenter__()

        self.go(open_all())

    def fault(self, rng: random.Random) -> ExpertError | None:
        return self.faults.popleft() if self.faults else None

    def go(self, work: object) -> None:
        task = self.loop.create_task(work)  # type: ignore[arg-type]
        self.loop.settle()
        task.result()

    # -- rules --------------------------------------------------------------------------

    @rule(
        chain=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), width=st.integers(1, 3),
        cap=st.sampled_from([None, None, 1, 3]), declares=st.booleans(), turn=st.integers(0, 3),
    )  # fmt: skip
    def problem(self, chain: list[str], width: int, cap: int | None, declares: bool, turn: int) -> None:
        number = len(self.tasks)
        scope = Scope(f"problem {number}", Budget(calls=cap), self.wallet)
        declared = None
        if declares:
            declared = self.engine.groups.coming.declare({name: width * chain.count(name) for name in chain})
        place = replace(seat(scope, turn), declared=declared)
        place.leaving.followed = followed = self.engine.groups.follow(width)
        assert followed is not None

        async def follow() -> None:
            try:
                for stage, name in enumerate(chain):
                    await self.step(name, f"{number}.{stage}", width, replace(place, stage=stage))
            finally:
                self.engine.groups.habits.end(followed)
                if declared is not None:
                    declared.end()

        self.tasks.append(self.loop.create_task(follow()))
        self.loop.settle()

    @rule(
        strategy=st.sampled_from(NESTED), verifier=st.sampled_from(["none", "judge"]),
        aggregator=st.sampled_from(["majority", "synthesis", "tournament", "universal_sc"]),
        calls=st.sampled_from([None, None, 3, 8]), seconds=st.sampled_from([None, None, 20.0]),
    )  # fmt: skip
    def solve(self, strategy: str, verifier: str, aggregator: str, calls: int | None, seconds: float | None) -> None:
        number, experts = len(self.tasks), tuple(self.engine.experts.values())
        problem = Problem(f"{number}", (Message("user", f"What is {number} + 2?"),), "number")
        contestant = contestant_for(problem, strategy, verifier, aggregator)
        setting = Setting(self.engine, experts, {"judge": experts[1], "aggregator": experts[0]})
        scope = Scope(f"problem {number}", Budget(calls=calls, seconds=seconds), self.wallet)
        self.asked += 60  # more than any of these may make

        async def solved() -> None:
            await Conduct(problem, contestant, setting, scope, turn=number)()

        self.tasks.append(self.loop.create_task(solved()))
        self.loop.settle()

    async def step(self, name: str, text: str, width: int, place: Seat) -> None:
        async def one(sample: int) -> None:
            self.asked += 1
            with suppress(BudgetExceeded, ExpertError):
                await self.engine.ask(asked(name, text, sample), place)

        async with asyncio.TaskGroup() as samples:
            for sample in range(width):
                samples.create_task(one(sample))

    @rule(pick=st.integers(0, 99))
    def leave(self, pick: int) -> None:
        if open_ones := [task for task in self.tasks if not task.done()]:
            open_ones[pick % len(open_ones)].cancel()
            self.loop.settle()

    @rule(kinds=st.lists(st.sampled_from(sorted(STORMS)), min_size=1, max_size=12))
    def storm(self, kinds: list[str]) -> None:
        self.faults.extend(STORMS[kind]() for kind in kinds)

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.0, 7.0, 45.0]))
    def wait(self, seconds: float) -> None:
        # A pause's timer fires a rounding error late; nobody should look in between.
        self.loop.advance(seconds + 1e-3)

    # -- what must hold -----------------------------------------------------------------

    @invariant()
    def only_what_fits_is_asked(self) -> None:
        if hasattr(self, "engine"):
            assert self.card.most_at_once <= self.capacity
            assert all(lane.out <= self.concurrency for lane in self.engine.lanes())

    @invariant()
    def nobody_waits_while_the_card_does_nothing(self) -> None:
        """Unless a server's pause or limit holds back all that could be asked, something is out if anything waits."""
        if not hasattr(self, "engine"):
            return
        if any(map(self._may_be_asked, self.engine.lanes())):
            assert any(lane.out for lane in self.engine.lanes())

    @invariant()
    def what_is_expected_is_no_more_than_can_be(self) -> None:
        """Of no model less than nothing; of those that are waited for alone not more than of all."""
        if hasattr(self, "engine"):
            habits = self.engine.groups.habits
            models = {self.engine.groups.model(name): name for name in NAMES}
            found = outlook(
                habits.open, map(str, models), {problem: str(next(iter(models))) for problem in habits.open}
            )
            assert all(0 <= found.following[model] <= found.likely[model] for model in map(str, models))
            assert all(number > -1e-6 for number in found.unsure.values())
            assert all(0 < problem.goes_on <= 1 for problem in habits.open)

    def _may_be_asked(self, lane: Lane) -> bool:
        """Whether something waits that neither a pause nor a limit learned from refusals holds back."""
        paced = lane.throttle.opens_at(0, self.loop.time()) - self.loop.time()
        return lane.queued > 0 and lane.hold <= 1e-6 and paced <= 1e-6 and not lane.breaker.lost

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        self.faults.clear()
        # A call takes a second, its load two, and a pause for it 30 at the most; what failed before is tried again.
        self.loop.advance(40.0 * (self.asked + 20))
        assert all(task.done() for task in self.tasks), "somebody waits for ever"
        assert not [task for task in self.tasks if not task.cancelled() and task.exception()]
        assert not +self.engine.groups.coming.calls
        assert not self.engine.groups.habits.open
        assert (self.wallet.outstanding, self.wallet.reserved) == (0, NOTHING)
        assert self.engine.groups.loads.total() == len(self.engine.groups.history)
        assert self.engine.groups.loads.total() <= max(1, len(self.card.served)), "a model was loaded for nothing"
        self.go(self.engine.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)


def test_everybody_comes_to_an_end_on_one_card() -> None:
    run_machine(Crowd, settings=settings(QUIET, max_examples=25, stateful_step_count=20))


@pytest.mark.slow
def test_everybody_comes_to_an_end_on_one_card_for_long() -> None:
    run_machine(Crowd, settings=settings(QUIET, max_examples=1000, stateful_step_count=50))
