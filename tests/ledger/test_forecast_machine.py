"""Branches of one problem start, call, wait, are cancelled and end in any order: each starts in time or is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import NOTHING, Amount, Claim, Forecast, Reservation, Scope, admitted, reserve, room
from tests.quiet import QUIET

CAPS = st.one_of(
    st.builds(Budget, tokens=st.integers(30, 120)),
    st.builds(Budget, calls=st.integers(3, 9), tokens=st.integers(30, 120)),
    st.builds(Budget, usd=st.sampled_from([0.5, 1.25]), calls=st.integers(3, 9)),
)
LOOSE = st.one_of(st.just(Budget()), CAPS)
COSTS = st.builds(Amount, st.just(1), st.integers(1, 20), st.sampled_from([0.0, 0.125, 0.25]))


@dataclass(eq=False)
class Branch:
    """One branch, from when it asks to start."""

    scope: Scope
    outer: Branch | None
    task: asyncio.Task[Claim]
    out: list[tuple[Reservation, Amount]] = field(default_factory=list)
    waiting: list[asyncio.Task[Reservation]] = field(default_factory=list)
    ended: bool = False

    @property
    def started(self) -> bool:
        return not self.ended and self.task.done() and not self.task.cancelled() and self.task.exception() is None


class Forecasting(RuleBasedStateMachine):
    @initialize(wallet=LOOSE, cap=CAPS, inside=CAPS)
    def scopes(self, wallet: Budget, cap: Budget, inside: Budget) -> None:
        self.loop = asyncio.new_event_loop()
        run = Scope("run", wallet, paid=True)
        self.problem = Scope("problem", cap, run)
        self.inner = Scope("problem/0", inside, self.problem)
        self.all = [run, self.problem, self.inner]
        self.forecast = Forecast()
        self.branches: list[Branch] = []

    def settle_down(self) -> None:
        """Lets everybody go on who can."""

        async def passes() -> None:
            for _ in range(50):
                await asyncio.sleep(0)

        self.loop.run_until_complete(passes())

    def task(self, make: Callable[[], Awaitable[object]]) -> asyncio.Task:
        async def begun() -> asyncio.Task:
            return asyncio.ensure_future(make())

        return self.loop.run_until_complete(begun())

    # -- branches -----------------------------------------------------------------------

    def start(self, calls: int, scope: Scope, outer: Branch | None = None) -> None:
        around = outer.task.result() if outer is not None else None
        chain = tuple(s for s in scope.chain if s.capped and not (around is not None and around.spans(s)))
        if chain:
            stage = 0 if outer is None else 1
            task = self.task(lambda: self.forecast.start(chain, calls, (0, -stage), around))
            self.branches.append(Branch(scope, outer, task))
            self.settle_down()

    @rule(calls=st.integers(2, 4))
    def start_branch(self, calls: int) -> None:
        self.start(calls, self.problem)

    @precondition(lambda self: self.started())
    @rule(number=st.integers(0, 9), calls=st.integers(2, 3))
    def start_branch_within(self, number: int, calls: int) -> None:
        outer = self.started()[number % len(self.started())]
        if outer.outer is None:
            self.start(calls, self.inner, outer)

    @rule(number=st.integers(0, 9))
    def give_up_waiting(self, number: int) -> None:
        if waiting := [branch for branch in self.branches if not branch.task.done()]:
            waiting[number % len(waiting)].task.cancel()
            self.settle_down()

    def started(self) -> list[Branch]:
        return [branch for branch in self.branches if branch.started]

    @precondition(lambda self: self.started())
    @rule(number=st.integers(0, 9), worst=COSTS)
    def call(self, number: int, worst: Amount) -> None:
        branch = self.started()[number % len(self.started())]
        claim, chain, priority = branch.task.result(), branch.scope.chain, (0, -number)

        async def asked() -> Reservation:
            self.forecast.ask(worst)
            return await admitted(
                lambda: reserve(chain, worst, claim, priority), lambda held: room(held, priority, worst, claim)
            )

        branch.waiting.append(self.task(asked))
        self.settle_down()

    def collect(self) -> None:
        for branch in self.branches:
            for task in [task for task in branch.waiting if task.done()]:
                branch.waiting.remove(task)
                if not task.cancelled() and task.exception() is None:
                    branch.out.append((task.result(), task.result().worst))
                elif not task.cancelled():
                    assert isinstance(task.exception(), BudgetExceeded)

    @rule(number=st.integers(0, 9), share=st.sampled_from([0.0, 0.5, 1.0]), lost=st.booleans())
    def settle(self, number: int, share: float, lost: bool) -> None:
        self.collect()
        if out := [branch for branch in self.branches if branch.out]:
            reservation, worst = out[number % len(out)].out.pop(0)
            if lost:
                reservation.charge()
            else:
                used = Amount(1, int(worst.tokens * share), worst.usd * share)
                reservation.settle(used, used)
                self.forecast.reply(used)
            self.settle_down()

    @precondition(lambda self: self.started())
    @rule(number=st.integers(0, 9), followed=st.booleans())
    def end_branch(self, number: int, followed: bool) -> None:
        self.end(self.started()[number % len(self.started())], followed)

    def end(self, branch: Branch, followed: bool) -> None:
        """Ends a branch as `map` does: first what is inside of it."""
        for inside in [one for one in self.branches if one.outer is branch and not one.ended]:
            inside.task.cancel()
            self.settle_down()
            if inside.started:
                self.end(inside, followed)
        self.collect()
        for task in branch.waiting:
            task.cancel()
        self.settle_down()
        self.collect()
        for reservation, _ in branch.out:
            reservation.refund()
        branch.out.clear()
        branch.ended = True
        self.forecast.end(branch.task.result(), followed)
        self.settle_down()

    # -- what must hold -----------------------------------------------------------------

    @invariant()
    def no_cap_is_passed(self) -> None:
        for scope in getattr(self, "all", ()):
            assert scope.lacks(NOTHING, scope.spent + scope.reserved) is None

    @invariant()
    def whoever_could_start_has_started(self) -> None:
        if not hasattr(self, "branches") or any(scope.outstanding for scope in self.all):
            return
        waiting = [branch for branch in self.branches if not branch.task.done()]
        held_up = [branch.outer for branch in waiting]
        going_on = [branch for branch in self.started() if branch not in held_up]
        assert going_on or not waiting, "nothing is under way, and a branch waits"

    @invariant()
    def refusals_are_ours(self) -> None:
        for branch in getattr(self, "branches", ()):
            if branch.task.done() and not branch.task.cancelled() and (error := branch.task.exception()):
                assert isinstance(error, BudgetExceeded)

    def teardown(self) -> None:
        if not hasattr(self, "branches"):
            return
        for _ in range(1000):
            self.collect()
            started = self.started()
            if not started:
                break
            self.end(started[-1], followed=True)
        assert all(branch.task.done() for branch in self.branches)
        for scope in self.all:
            assert (scope.outstanding, scope.reserved, scope.claims, scope.owed) == (0, NOTHING, 0, NOTHING)
            assert not scope.parked
        assert not self.forecast._started
        assert not self.forecast._held
        assert not self.forecast._news
        self.loop.close()


def test_branches_start_in_time_or_are_refused() -> None:
    run_state_machine_as_test(Forecasting, settings=settings(QUIET, max_examples=15, stateful_step_count=30))


@pytest.mark.slow
def test_branches_start_in_time_or_are_refused_for_long() -> None:
    run_state_machine_as_test(Forecasting, settings=settings(QUIET, max_examples=400, stateful_step_count=60))
