"""Places: the order of a sequential execution, whatever the order in which replies come."""

from __future__ import annotations

import selectors
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.budget import Budget
from orchestrator.errors import BadRequest, BudgetExceeded, ConfigError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.types import Answer, Message, Place, Problem, Request
from tests.clock import VirtualClockLoop

from .programs import FAILING, PROGRAMS, Emit, Log, Lost, Map, Program, Roll, execute, questions, sequential, steps
from .stage import PROBLEM, Played, play


def dawdler(seed: int) -> ScriptedExpert:
    """Takes its time, another for each reply."""

    def answer(request: Request) -> str:
        if request.messages[-1].text.startswith("fail"):
            raise BadRequest("no")
        return "reply"

    return ScriptedExpert(answer, latency="exp:1", seed=seed, max_n=1)


def performed(program: Program, latencies: int, **settings: Any) -> tuple[Played[None], Log]:
    log = Log()
    return play(lambda run: execute(program, run, log), dawdler(latencies), **settings), log


class Watched(VirtualClockLoop):
    """Has a look before every pass; `still` is true when nothing can run before time moves."""

    def __init__(self) -> None:
        self.look: Callable[[bool], None] = lambda still: None
        super().__init__()

    def _wait(self, selector: selectors.BaseSelector, timeout: float | None) -> list[Any]:
        self.look(timeout != 0)
        return super()._wait(selector, timeout)


@settings(max_examples=150, deadline=None)
@given(PROGRAMS, st.integers(0, 2**32))
def test_places_are_the_order_of_a_sequential_execution(program: Program, latencies: int) -> None:
    played, log = performed(program, latencies)
    wanted = [step for step in steps(program) if isinstance(step.op, Emit)]
    assert sorted(played.places) == [step.place for step in wanted if step.held is None]
    assert sorted(log.collected) == collected_in(program)
    assert [".".join(map(str, candidate.place)) for candidate in played.emitted] == [c.id for c in played.emitted]


def collected_in(program: Program) -> list[Place]:
    """What collects hand out: those of an inner one to its caller alone, those of a delegate to the collect around."""
    return [step.place for step in steps(program) if isinstance(step.op, Emit) and step.held is not None]


@settings(max_examples=150, deadline=None)
@given(FAILING, st.integers(0, 2**32))
def test_failed_calls_cost_what_they_would_in_a_sequential_execution(program: Program, latencies: int) -> None:
    log, watch = Log(), Watch()
    played = play(lambda run: execute(program, run, log), dawdler(latencies), loop=watch.loop, watch=watch.begin)
    emitted: list[Place] = []
    collected: list[Place] = []
    lost = False
    try:
        sequential(program, emitted, collected)
    except Lost:
        lost = True
    assert isinstance(played.error, BadRequest) == lost
    assert (sorted(watch.emitted), sorted(log.collected)) == (emitted, sorted(collected))
    watch.check()


@settings(max_examples=100, deadline=None)
@given(PROGRAMS, st.integers(0, 2**32), st.integers(0, 2**32))
def test_nothing_shows_in_which_order_replies_came(program: Program, one: int, other: int) -> None:
    (first, before), (second, after) = performed(program, one), performed(program, other)
    assert sorted(first.emitted, key=lambda c: c.place) == sorted(second.emitted, key=lambda c: c.place)
    assert before.rolls == after.rolls


@dataclass
class Watch:
    """Keeps what the frontier was at every moment, and how much had been emitted by then."""

    loop: Watched = field(default_factory=Watched)
    emitted: list[Place] = field(default_factory=list)
    seen: list[tuple[Place, int]] = field(default_factory=list)
    when_still: Callable[[Place], None] = lambda frontier: None

    def begin(self, run: Run) -> None:
        run._send = lambda candidate: self.emitted.append(candidate.place)

        def look(still: bool) -> None:
            if (frontier := run.frontier()) is None:
                return
            self.seen.append((frontier, len(self.emitted)))
            if still:
                self.when_still(frontier)

        self.loop.look = look

    def check(self) -> None:
        """Never past a later emission, and never back."""
        assert [frontier for frontier, _ in self.seen] == sorted(frontier for frontier, _ in self.seen)
        for frontier, count in self.seen:
            assert all(frontier <= place for place in self.emitted[count:])


@settings(max_examples=150, deadline=None)
@given(PROGRAMS, st.integers(0, 2**32))
def test_the_frontier_is_where_the_next_emission_may_be(program: Program, latencies: int) -> None:
    log, watch = Log(), Watch()

    def exact(frontier: Place) -> None:
        """All that waits are questions, and the first unanswered one is where it stands."""
        step = next(step for name, step in questions(program) if name not in log.answered)
        assert frontier == (step.place if step.held is None else (*step.held, 0))

    watch.when_still = exact
    played = play(lambda run: execute(program, run, log), dawdler(latencies), loop=watch.loop, watch=watch.begin)
    assert played.error is None
    watch.check()
    assert played.run.frontier() is None


@settings(max_examples=150, deadline=None)
@given(PROGRAMS, st.integers(0, 2**32), st.integers(0, 6))
def test_the_frontier_holds_when_a_budget_cuts_the_run(program: Program, latencies: int, calls: int) -> None:
    log, watch = Log(), Watch()
    played = play(
        lambda run: execute(program, run, log),
        dawdler(latencies),
        budget=Budget(calls=calls),
        loop=watch.loop,
        watch=watch.begin,
    )
    assert isinstance(played.error, BudgetExceeded) == (len(questions(program)) > calls)
    watch.check()
    assert set(watch.emitted) <= {step.place for step in steps(program) if isinstance(step.op, Emit)}


class TestRandomNumbers:
    def numbers(self, seed: int = 0, problem: Problem = PROBLEM) -> dict[Place, float]:
        log = Log()
        program: Program = (Roll(), Emit())
        nested = (Roll(), Map((program, program)), Roll())
        play(lambda run: execute(nested, run, log), dawdler(0), seed=seed, problem=problem)
        return {path: rolls[0] for path, rolls in log.rolls.items()}

    def test_they_are_a_function_of_seed_problem_and_path(self) -> None:
        mine = self.numbers()
        assert mine == self.numbers()
        assert len(set(mine.values())) == 3
        assert not set(mine.values()) & set(self.numbers(seed=1).values())
        other = Problem("q", (Message("user", "What is 2 + 2?"),), "number")
        assert not set(mine.values()) & set(self.numbers(problem=other).values())
        reworded = Problem("p", (Message("user", "Something else"),), "text")
        assert mine == self.numbers(problem=reworded)

    def test_they_stay_the_same_from_version_to_version(self) -> None:
        assert self.numbers() == {(): 0.40508792431273966, (0, 0): 0.7904292048259015, (0, 1): 0.930696795318913}

    def test_a_run_has_one_stream(self) -> None:
        log = Log()
        play(lambda run: execute((Roll(), Emit(), Roll()), run, log), dawdler(0))
        assert len(set(log.rolls[()])) == 2


class TestMisuse:
    def test_a_run_is_not_used_while_its_branches_are_under_way(self) -> None:
        async def act(run: Run) -> None:
            async def careless(item: int, branch: Run) -> None:
                run.emit(Answer("text"))

            await run.map(careless, [0, 1])

        played = play(act, dawdler(0))
        assert isinstance(played.error, ConfigError)
        assert "use the branch that it is called with" in str(played.error)
        assert played.emitted == []

    def test_a_branch_that_has_ended_emits_nothing(self) -> None:
        async def act(run: Run) -> None:
            async def keep(item: int, branch: Run) -> Run:
                return branch

            (kept,) = await run.map(keep, [0])
            assert kept is not None
            kept.emit(Answer("text"))

        played = play(act, dawdler(0))
        assert isinstance(played.error, ConfigError)
        assert "has ended" in str(played.error)
