"""A lane by itself, in any order of entries, ends and refusals: who leaves with whom, in which order, and how many."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from orchestrator.budget import Budget
from orchestrator.engine import Lane, Seat
from orchestrator.engine.flight import Bounds, Departure, Flight, State, Waiter
from orchestrator.errors import BudgetExceeded, ConnectionLost, OrchestratorError, RateLimited, WrongKey
from orchestrator.ledger import NOTHING, Amount, Scope
from tests.clock import VirtualClockLoop
from tests.engine.stage import Stage, expert, request
from tests.quiet import QUIET

T = TypeVar("T")


class Door:
    def __init__(self) -> None:
        self.is_open = True

    def open(self, expert: object) -> bool:
        return self.is_open

    def pumped(self, expert: object, queued: int) -> None:
        assert queued >= 0


class Lanes(RuleBasedStateMachine):
    """This machine is the lane's tower: it keeps what departs, and ends it when a rule says so."""

    @initialize(concurrency=st.integers(1, 4), calls=st.integers(2, 30), max_n=st.integers(1, 4))
    def begin(self, concurrency: int, calls: int, max_n: int) -> None:
        self.loop = VirtualClockLoop(auto=False)
        self.door = Door()
        self.stage = Stage(max_n=max_n)
        self.value = expert(concurrency=concurrency)
        self.out: list[Departure] = []
        self.queued: list[Flight] = []
        self.refused: dict[Flight, OrchestratorError] = {}
        self.run = Scope("run", Budget(calls=calls), paid=True)
        self.problems = [Scope("a", Budget(calls=calls // 2), self.run), Scope("b", parent=self.run)]
        self.lane = self.within(lambda: Lane(self.value, self.stage, self, self.loop.time, self.door))
        self.numbers = iter(range(10**6))

    def within(self, work: Callable[[], T]) -> T:
        async def now() -> T:
            return work()

        task = self.loop.create_task(now())
        self.loop.settle()
        return task.result()

    # -- the tower ----------------------------------------------------------------------

    def depart(self, lane: Lane, departure: Departure) -> None:
        group = departure.flights
        indices = [flight.request.sample_index for flight in group]
        assert indices == sorted(set(indices))
        assert len({flight.request.base for flight in group}) == 1
        assert len(group) <= self.stage.max_n
        assert len(group) == 1 or group[0].request.sampling.seed is None
        assert all(flight.state is State.OUT and flight.leader is not None for flight in group)
        assert self.door.is_open
        assert not lane.closed
        assert self.loop.time() >= self.held_until - 1e-5
        best = min(flight.priority for flight in group)
        waiting = [f for f in self.queued if f not in group and lane.holds(f)]
        assert all(best <= flight.priority for flight in waiting), "a better one was left behind"
        for flight in group:
            self.queued.remove(flight)
        self.out.append(departure)

    held_until = 0.0

    def refuse(self, flight: Flight, error: OrchestratorError) -> None:
        self.queued.remove(flight)
        self.refused[flight] = error
        flight.fail(error)
        flight.state = State.GONE

    def drop(self, flight: Flight) -> None:
        self.queued.remove(flight)
        flight.state = State.GONE

    # -- rules --------------------------------------------------------------------------

    @rule(
        text=st.sampled_from("pqr"), seed=st.sampled_from([None, None, None, 1]), turn=st.integers(0, 2),
        stage=st.integers(0, 2), many=st.integers(1, 5), where=st.integers(0, 1),
    )  # fmt: skip
    def enter(self, text: str, seed: int | None, turn: int, stage: int, many: int, where: int) -> None:
        def come() -> None:
            for _ in range(many):
                asked = request(text, next(self.numbers), seed=seed)
                waiter = Waiter(Seat(self.problems[where], turn, stage), self.loop.create_future())
                waiter.result.add_done_callback(lambda result: result.cancelled() or result.exception())
                flight = Flight(asked, Bounds().worst(asked, self.value), [waiter])
                self.queued.append(flight)
                self.lane.enter(flight)

        self.within(come)

    def end(self, pick: int) -> Departure | None:
        if not self.out:
            return None
        departure = self.out.pop(pick % len(self.out))
        self.lane.out -= 1
        return departure

    @rule(pick=st.integers(0, 9))
    def reply(self, pick: int) -> None:
        if departure := self.end(pick):
            self.within(lambda: self.served(departure))

    def served(self, departure: Departure) -> None:
        self.lane.succeeded()
        for flight in departure.flights:
            assert flight.leader is not None
            assert flight.leader.reservation is not None
            flight.leader.reservation.settle(Amount(1, 20), Amount(1, 20))
            flight.state = State.GONE
        self.lane.pump_soon()

    @rule(pick=st.integers(0, 9), limited=st.booleans(), after=st.sampled_from([None, 2.0]))
    def fail(self, pick: int, limited: bool, after: float | None) -> None:
        if departure := self.end(pick):
            self.within(lambda: self.failed(departure, limited, after))

    def failed(self, departure: Departure, limited: bool, after: float | None) -> None:
        self.lane.failed(RateLimited("x", retry_after=after) if limited else ConnectionLost("x"), departure)
        if limited:
            self.held_until = max(self.held_until, self.loop.time() + (after or 0.25))
        for flight in departure.flights:
            flight.settle_failure(charged=not limited)
            self.queued.append(flight)
            self.lane.enter(flight)
        self.lane.pump_soon()

    @rule(pick=st.integers(0, 99))
    def a_waiter_leaves(self, pick: int) -> None:
        if self.queued:
            flight = self.queued[pick % len(self.queued)]
            flight.waiters[0].result.cancel()
            self.queued.remove(flight)
            flight.state = State.GONE
            # On the loop, as in life: a turn that it had is handed on, and whoever gets it enters the lane.
            self.within(lambda: self.lane.remove(flight))
            self.within(self.lane.pump_soon)

    @rule(seconds=st.sampled_from([0.1, 1.0, 30.0]))
    def wait(self, seconds: float) -> None:
        # A hold's timer fires a rounding error late; nobody should look in between.
        self.loop.advance(seconds + 1e-3)

    @rule()
    def the_gate(self) -> None:
        self.door.is_open = not self.door.is_open
        self.within(self.lane.pump_soon)

    # -- what must hold -----------------------------------------------------------------

    @invariant()
    def counts(self) -> None:
        if not hasattr(self, "lane"):
            return
        for flight in list(self.queued):
            # Those that a scope refused have been told so.
            if flight.waiters[0].result.done():
                assert isinstance(flight.waiters[0].result.exception(), BudgetExceeded)
        assert self.lane.out == len(self.out)
        assert self.lane.out <= self.value.concurrency
        assert self.run.outstanding == sum(len(departure.flights) for departure in self.out)
        assert self.run.lacks(NOTHING, self.run.spent + self.run.reserved) is None

    @invariant()
    def nothing_waits_without_a_reason(self) -> None:
        if not hasattr(self, "lane") or not self.door.is_open or self.lane.hold > 1e-5 or self.lane.breaker.lost:
            return
        if self.lane.paced > 1e-5:
            # Refusals have taught it a rate.
            assert self.lane.paced < 60
            return
        if self.lane.window.room(self.lane.out) and not self.lane.breaker.probing:
            assert self.lane.queued == 0
            for flight in self.queued:
                assert flight.parked, "neither queued nor parked"

    def teardown(self) -> None:
        if not hasattr(self, "lane"):
            return
        self.door.is_open = True
        self.within(self.lane.pump_soon)
        for _ in range(500):
            if self.out:
                self.reply(0)
            elif self.queued:
                self.loop.advance(31.0)
            else:
                break
        assert not self.queued
        assert (self.run.outstanding, self.run.reserved) == (0, NOTHING)
        self.loop.close()


def test_lane() -> None:
    run_state_machine_as_test(Lanes, settings=settings(QUIET, max_examples=30, stateful_step_count=25))


@pytest.mark.slow
def test_lane_for_long() -> None:
    run_state_machine_as_test(Lanes, settings=settings(QUIET, max_examples=2000, stateful_step_count=60))


def test_a_rate_that_a_refusal_has_taught_is_a_reason_to_wait() -> None:
    machine = Lanes()
    machine.begin(concurrency=1, calls=30, max_n=1)
    for where in (0, 1, 1, 1, 1):
        machine.enter("p", None, 0, 0, 3, where)
    machine.wait(30.0)
    for _ in range(11):
        machine.reply(0)
    machine.fail(0, limited=True, after=None)
    machine.wait(1.0)
    machine.reply(0)
    assert machine.lane.queued
    assert not machine.out
    machine.nothing_waits_without_a_reason()
    machine.wait(30.0)
    assert machine.out
    machine.teardown()
    asyncio.set_event_loop(None)


def test_whoever_leaves_hands_its_turn_on() -> None:
    machine = Lanes()
    machine.begin(concurrency=1, calls=2, max_n=2)
    machine.enter("p", None, 0, 0, 3, 0)
    machine.fail(0, limited=True, after=None)
    machine.a_waiter_leaves(0)
    machine.teardown()
    asyncio.set_event_loop(None)


def test_a_lane_that_lost_its_expert_refuses_what_waits_and_what_comes() -> None:
    machine = Lanes()
    machine.begin(1, 30, 1)
    machine.enter("p", None, 0, 0, 3, 1)
    departure = machine.end(0)
    assert departure is not None
    machine.lane.failed(WrongKey("no"), departure)
    machine.within(lambda: departure.flights[0].settle_failure(charged=False))
    machine.within(machine.lane.pump_soon)
    machine.enter("q", None, 0, 0, 1, 1)
    assert [type(error) for error in machine.refused.values()] == [WrongKey] * 3
    machine.teardown()
    asyncio.set_event_loop(None)
