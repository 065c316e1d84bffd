"""Strategies within strategies: their scopes, their candidates, and what they leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import BadRequest, BudgetExceeded, ConfigError, ExpertError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.protocols import Strategy
from orchestrator.run import Run
from orchestrator.strategies.self_consistency import SelfConsistency
from orchestrator.types import Answer, Candidate, Expert, Message, Problem

from .stage import PROBLEM, echo, play, prompt, texts


def steady(steps: int, name: str = "step") -> Strategy:
    """Asks and emits, one after the other."""

    async def strategy(problem: Problem, run: Run) -> None:
        for step in range(steps):
            run.emit(await run.read(await run.generate(prompt(f"{name} {step}"))))

    return strategy


def broken(after: int, error: Exception) -> Strategy:
    async def strategy(problem: Problem, run: Run) -> None:
        await steady(after)(problem, run)
        raise error

    return strategy


class TestDelegate:
    def test_candidates_pass_through_as_they_come(self) -> None:
        came: list[int] = []

        async def act(run: Run) -> None:
            run.emit(Answer("before"))
            await run.delegate(steady(3))
            came.append(len(played_so_far))
            run.emit(Answer("after"))

        played_so_far: list[Candidate] = []

        def watch(run: Run) -> None:
            send = run._send
            run._send = lambda candidate: (played_so_far.append(candidate), send(candidate))[1]  # type: ignore[func-returns-value]

        played = play(act, echo(latency=1), watch=watch)
        assert played.places == [(0,), (1, 0), (1, 1), (1, 2), (2,)]
        assert came == [4]
        assert {candidate.strategy for candidate in played.emitted} == {"test"}

    def test_a_budget_of_its_own_ends_only_itself(self) -> None:
        async def act(run: Run) -> str:
            await run.delegate(steady(5), budget=Budget(calls=2))
            return (await run.generate(prompt("after"))).text

        played = play(act, echo())
        assert played.result == "e: after"
        assert played.places == [(0, 0), (0, 1)]
        assert played.events("budget") == [(0,)]
        assert played.scope.spent.calls == 3, "the scope around it counts everything"

    def test_a_budget_around_it_ends_more_than_it(self) -> None:
        async def act(run: Run) -> None:
            await run.delegate(steady(5), budget=Budget(calls=4))

        played = play(act, echo(), budget=Budget(calls=2))
        assert isinstance(played.error, BudgetExceeded)
        assert played.error.scope == "problem"
        assert len(played.emitted) == 2

    def test_so_it_is_with_a_map_within_it(self) -> None:
        async def wide(problem: Problem, run: Run) -> None:
            await run.map(lambda i, branch: steady(1, f"branch {i}")(problem, branch), range(6))

        async def act(run: Run) -> None:
            await run.delegate(wide, budget=Budget(calls=4))
            run.emit(Answer("after"))

        played = play(act, echo(max_n=1, latency="exp:1"))
        assert played.error is None
        assert len(played.emitted) == 5

    def test_and_with_a_task_group_of_its_own(self) -> None:
        async def grouped(problem: Problem, run: Run) -> None:
            async with asyncio.TaskGroup() as group:
                for i in range(6):
                    group.create_task(run.generate(prompt(f"{i}")))

        played = play(lambda run: run.delegate(grouped, budget=Budget(calls=4)), echo(max_n=1, latency=1))
        assert played.error is None
        assert played.events("budget") == [(0,)]
        outer = play(lambda run: run.delegate(grouped), echo(max_n=1, latency=1), budget=Budget(calls=4))
        assert isinstance(outer.error, BudgetExceeded)

    def test_scopes_nest(self) -> None:
        async def outer(problem: Problem, run: Run) -> None:
            await run.delegate(steady(9, "inner"), budget=Budget(calls=2))
            await steady(9, "outer")(problem, run)

        played = play(lambda run: run.delegate(outer, budget=Budget(calls=5)), echo())
        assert played.error is None
        assert (len(played.emitted), played.scope.spent.calls) == (5, 5)

    def test_siblings_each_have_their_share(self) -> None:
        async def consult(item: int, branch: Run) -> None:
            await branch.delegate(steady(9, f"{item}"), budget=branch.budget.share(3))

        played = play(lambda run: run.map(consult, range(3)), echo(latency="exp:1"), budget=Budget(calls=12))
        assert played.error is None
        assert sorted(played.places) == [(0, i, 0, k) for i in range(3) for k in range(4)]

    def test_seconds_of_its_own_end_only_itself(self) -> None:
        async def act(run: Run) -> float:
            await run.delegate(steady(50), budget=Budget(seconds=10.5))
            run.emit(Answer("after"))
            return asyncio.get_running_loop().time()

        played = play(act, echo(latency=1))
        assert played.result == pytest.approx(10.5)
        assert len(played.emitted) == 11
        assert played.events("budget") == [(0,)]

    def test_it_may_be_given_an_expert_a_draw_and_another_problem(self) -> None:
        a, b = echo("a"), echo("b")
        other = Problem("other", (Message("user", "Another question"),))

        async def asks(problem: Problem, run: Run) -> None:
            assert problem is run.problem is other
            assert [expert.id for expert in run.experts] == ["b"]
            run.emit(await run.read(await run.generate(prompt("q"))))

        async def act(run: Run) -> None:
            await run.delegate(asks, other, expert=b.value, draw=1)

        played = play(act, a, b)
        assert (a.requests, b.requests[0].salt, b.requests[0].labels.problem) == ([], "seed=0/1", "other")
        assert [candidate.problem for candidate in played.emitted] == ["other"]

    def test_equal_texts_are_read_for_the_problem_at_hand(self) -> None:
        choice = Problem("c", (Message("user", "Which?"),), "choice", ("two", "four"))

        async def reads(problem: Problem, run: Run) -> None:
            run.emit(await run.read("The answer is (B)."))

        async def act(run: Run) -> None:
            await reads(run.problem, run)
            await run.delegate(reads, choice)
            await reads(run.problem, run)

        keys = [candidate.key for candidate in play(act, echo()).emitted]
        assert keys == [None, "B", None]

    def test_money_of_its_own_needs_prices(self) -> None:
        free = echo().value
        unknown = Expert("unknown", "m", client="scripted", options=free.options)

        async def act(run: Run) -> None:
            await run.delegate(steady(1), budget=Budget(usd=0.1))

        assert play(act, free).error is None
        error = play(act, unknown).error
        assert isinstance(error, ConfigError)
        assert "price of 'unknown'" in str(error)

    def test_in_a_branch_it_sees_the_branch_s_expert_alone(self) -> None:
        """Else a strategy that numbers its samples by its experts would ask one of them twice for the same sample."""
        pool = [ScriptedExpert(lambda request: "The answer is 4", id=name, max_n=1) for name in "abc"]

        async def branch(item: int, inner: Run) -> None:
            await inner.delegate(SelfConsistency(samples=4))

        play(lambda run: run.map(branch, range(3)), *pool)
        for expert in pool:
            assert sorted(request.sample_index for request in expert.requests) == [0, 1, 2, 3]

    def test_an_error_keeps_its_cause(self) -> None:
        async def fails(problem: Problem, run: Run) -> None:
            try:
                raise KeyError("deep")
            except KeyError as error:
                raise ValueError("shallow") from error

        error = play(lambda run: run.delegate(fails), echo()).error
        assert isinstance(error, ValueError)
        assert isinstance(error.__cause__, KeyError)

    def test_an_expert_s_failure_is_the_branch_s(self) -> None:
        played = play(lambda run: run.delegate(broken(2, BadRequest("x"))), echo())
        assert isinstance(played.error, BadRequest)
        assert len(played.emitted) == 2


class TestCollect:
    def test_candidates_come_back_in_lineage_order_and_are_not_emitted(self) -> None:
        async def wide(problem: Problem, run: Run) -> None:
            await run.map(lambda i, branch: steady(2, f"branch {i}")(problem, branch), range(3))

        played = play(lambda run: run.collect(wide), echo(max_n=1, latency="exp:1"))
        assert played.result is not None
        assert [candidate.place for candidate in played.result] == [(0, 0, i, k) for i in range(3) for k in range(2)]
        assert played.emitted == []

    def test_a_budget_of_its_own_leaves_what_was_found(self) -> None:
        for budget in (Budget(calls=3), Budget(seconds=3.5)):
            played = play(lambda run, caps=budget: run.collect(steady(9), budget=caps), echo(latency=1))  # type: ignore[misc]
            assert [candidate.place for candidate in played.result or []] == [(0, 0), (0, 1), (0, 2)]
            assert played.emitted == []

    @pytest.mark.parametrize("caps", [Budget(calls=3), Budget(seconds=3.5)], ids=["calls", "seconds"])
    def test_when_a_budget_around_it_ends_what_was_found_is_emitted(self, caps: Budget) -> None:
        async def outer(problem: Problem, run: Run) -> None:
            await run.collect(steady(9))

        async def act(run: Run) -> None:
            await run.delegate(outer, budget=caps)

        played = play(act, echo(latency=1))
        assert played.error is None
        assert played.places == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]

    @pytest.mark.parametrize("caps", [Budget(calls=6), Budget(seconds=3.5)], ids=["calls", "seconds"])
    def test_also_out_of_collects_within_branches(self, caps: Budget) -> None:
        async def inner(problem: Problem, run: Run) -> None:
            await run.collect(steady(9, str(run.path)))

        async def outer(problem: Problem, run: Run) -> None:
            await run.map(lambda _, branch: branch.collect(inner), range(2))

        played = play(lambda run: run.delegate(outer, budget=caps), echo(latency=1))
        assert played.error is None
        assert sorted(played.places) == [(0, 0, i, 0, 0, k) for i in range(2) for k in range(3)]

    def test_an_expert_s_failure_leaves_what_was_found_before_it(self) -> None:
        played = play(lambda run: run.collect(broken(2, BadRequest("x"))), echo())
        assert len(played.result or []) == 2
        assert played.events("branch lost") == [()]
        nothing = play(lambda run: run.collect(broken(0, BadRequest("x"))), echo())
        assert isinstance(nothing.error, ExpertError)

    def test_a_cancelled_one_emits_nothing(self) -> None:
        async def act(run: Run) -> None:
            work = asyncio.ensure_future(run.collect(steady(9)))
            await asyncio.sleep(3.5)
            work.cancel()
            await asyncio.wait([work])

        played = play(act, echo(latency=1))
        assert (played.error, played.emitted) == (None, [])

    @pytest.mark.parametrize("tenths", range(0, 40, 4))
    @pytest.mark.parametrize("way", [Run.delegate, Run.collect], ids=["delegate", "collect"])
    def test_nothing_is_left_behind_when_it_is_cancelled(self, way: Callable[..., Awaitable[Any]], tenths: int) -> None:
        async def wide(problem: Problem, run: Run) -> None:
            await run.map(lambda i, branch: steady(3, f"{i}")(problem, branch), range(3), cost=3)

        async def act(run: Run) -> None:
            work = asyncio.ensure_future(way(run, wide, budget=Budget(calls=7, seconds=2.2)))
            await asyncio.sleep(tenths / 10)
            work.cancel()
            await asyncio.wait([work])

        played = play(act, echo(latency=1, max_n=1), budget=Budget(calls=20))  # play looks at what is left
        assert played.run.frontier() is None


class TestBeside:
    def test_a_verifier_asks_but_does_not_emit(self) -> None:
        async def act(run: Run) -> str:
            beside = run.beside((0, 0))
            said = (await beside.generate(prompt("q"), purpose="judge")).text
            beside.emit(Answer("no"))
            return said

        scripted = echo()
        played = play(act, scripted)
        assert isinstance(played.error, ConfigError)
        assert "must not emit" in str(played.error)
        assert (texts(scripted.requests), scripted.requests[0].labels.place) == (["q"], (0, 0))
        assert played.emitted == []

    def test_it_has_random_numbers_of_its_own(self) -> None:
        async def act(run: Run) -> set[float]:
            return {run.rng.random(), run.beside((0, 0)).rng.random(), run.beside((1, 0)).rng.random()}

        assert len(play(act, echo(), problem=PROBLEM).result or ()) == 3
