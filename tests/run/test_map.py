"""Branches: their results, their failures, and the experts that they are dealt."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import BadRequest, BudgetExceeded, ConfigError, ExpertError, NotRecorded, Stopped
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.types import Answer, Request, Sampling

from .stage import Played, echo, play, prompt, texts


def backwards(request: Request) -> object:
    """The later it was asked, the sooner it comes."""

    async def wait() -> str:
        number = int(request.messages[-1].text)
        await asyncio.sleep(100 - number)
        return str(number)

    return wait()


async def ask(item: object, branch: Run) -> str:
    return (await branch.generate(prompt(str(item)))).text


async def pair(item: int, branch: Run) -> str:
    """Two questions at once, by a task group of its own."""
    async with asyncio.TaskGroup() as group:
        left = group.create_task(ask(f"{item} left", branch))
        group.create_task(ask(f"{item} right", branch))
    return left.result()


class TestResults:
    def test_they_are_in_the_order_of_the_items(self) -> None:
        played = play(lambda run: run.map(ask, range(6)), ScriptedExpert(backwards))  # type: ignore[arg-type]
        assert played.result == ["0", "1", "2", "3", "4", "5"]
        assert played.seconds == pytest.approx(100), "all at once"

    def test_no_items_no_results(self) -> None:
        assert play(lambda run: run.map(ask, []), echo()).result == []

    def test_a_branch_may_return_none(self) -> None:
        async def nothing(item: int, branch: Run) -> None:
            return None

        assert play(lambda run: run.map(nothing, [1, 2], missing=None), echo()).result == [None, None]

    def test_it_calls_with_item_and_branch(self) -> None:
        async def look(item: str, branch: Run) -> tuple[str, tuple[int, ...]]:
            return item, branch.path

        async def act(run: Run) -> list[object]:
            run.emit(Answer("first"))
            return [*await run.map(look, ["a", "b"]), *await run.map(look, ["c"])]

        assert play(act, echo()).result == [("a", (1, 0)), ("b", (1, 1)), ("c", (2, 0))]


class TestFailures:
    @pytest.mark.parametrize("error", [BadRequest("x"), NotRecorded("x")], ids=lambda error: type(error).__name__)
    def test_a_failed_call_costs_its_branch(self, error: ExpertError) -> None:
        def answer(request: Request) -> str:
            if request.messages[-1].text == "1":
                raise error
            return request.messages[-1].text

        async def act(run: Run) -> list[str | None]:
            found = await run.map(ask, range(3), missing="nothing")
            run.emit(Answer("after"))
            return found

        played = play(act, ScriptedExpert(answer))
        assert played.result == ["0", "nothing", "2"]
        assert played.events("branch lost") == [(0, 1)]
        assert played.places == [(1,)]

    def test_a_refused_branch_waits_until_its_siblings_have_emitted(self) -> None:
        async def branch(number: int, inner: Run) -> None:
            for step in range(2):
                await inner.generate(prompt(f"{number} {step}"))
            inner.emit(Answer(str(number)))

        scripted = echo(max_n=1, latency="uniform:1,2")
        played = play(lambda run: run.map(branch, range(4)), scripted, budget=Budget(calls=5))
        assert isinstance(played.error, BudgetExceeded)
        assert played.error.scope == "problem"
        assert len(scripted.requests) == played.scope.spent.calls == 5
        assert len(played.emitted) == 5 - 4

    def test_of_several_refusals_the_first_in_branch_order_is_raised(self) -> None:
        async def branch(number: int, inner: Run) -> None:
            await asyncio.sleep(10 - number)
            raise BudgetExceeded(f"scope {number}", "calls", 1, 2)

        played = play(lambda run: run.map(branch, range(4)), echo())
        assert isinstance(played.error, BudgetExceeded)
        assert played.error.scope == "scope 0"
        assert played.seconds == pytest.approx(10)

    def test_a_run_that_was_stopped_says_so_before_all_else(self) -> None:
        async def branch(number: int, inner: Run) -> str:
            if number == 0:
                raise BudgetExceeded("problem", "calls", 1, 2)
            if number == 1:
                raise Stopped()
            return await ask(number, inner)

        scripted = echo(latency=3)
        played = play(lambda run: run.map(branch, range(4)), scripted)
        assert isinstance(played.error, Stopped)
        assert len(played.journal.replies) == 2, "what was out has landed"

    def test_a_branch_s_own_task_group_makes_no_difference(self) -> None:
        def answer(request: Request) -> str:
            if request.messages[-1].text == "1 left":
                raise BadRequest("x")
            return "reply"

        played = play(lambda run: run.map(pair, range(3), missing="nothing"), ScriptedExpert(answer))
        assert played.result == ["reply", "nothing", "reply"]
        assert played.events("branch lost") == [(0, 1)]

    def test_nor_where_a_budget_ends(self) -> None:
        played = play(lambda run: run.map(pair, range(4)), echo(max_n=1, latency=1), budget=Budget(calls=5))
        assert isinstance(played.error, BudgetExceeded)
        assert len(played.journal.replies) == 5

    def test_any_other_failure_cancels_the_siblings(self) -> None:
        async def branch(number: int, inner: Run) -> None:
            if number == 2:
                raise ZeroDivisionError
            await ask(number, inner)

        played = play(lambda run: run.map(branch, range(5)), echo(latency=50))
        assert isinstance(played.error, ZeroDivisionError)
        assert played.seconds < 50

    def test_a_branch_that_never_got_to_start_gives_its_room_back(self) -> None:
        """The room that a failing branch frees lets another in, which is cancelled before its first step."""

        async def branch(number: int, inner: Run) -> None:
            await ask(number, inner)
            raise ZeroDivisionError

        played = play(lambda run: run.map(branch, range(3), cost=2), echo(), budget=Budget(calls=3))
        assert isinstance(played.error, ZeroDivisionError)  # and play looks at what is left

    def test_a_configuration_that_cannot_be_used_is_no_branch_s_affair(self) -> None:
        async def branch(number: int, inner: Run) -> None:
            raise ConfigError("no")

        assert isinstance(play(lambda run: run.map(branch, range(2), missing=None), echo()).error, ConfigError)

    @pytest.mark.parametrize("tenths", range(0, 30, 3))
    def test_nothing_is_left_behind_when_it_is_cancelled(self, tenths: int) -> None:
        async def branch(number: int, inner: Run) -> None:
            await ask(number, inner)
            await inner.map(ask, ["x", "y"])
            await ask("last", inner)

        async def act(run: Run) -> None:
            work = asyncio.ensure_future(run.map(branch, range(4), cost=4))
            await asyncio.sleep(tenths / 10)
            work.cancel()
            await asyncio.wait([work])

        played = play(act, echo(latency=1, max_n=1), budget=Budget(calls=9))  # play looks at what is left
        assert played.error is None
        assert played.run.frontier() is None


class TestDealing:
    @staticmethod
    def dealt(experts: int, start: int = 0) -> list[str | None]:
        async def whom(item: int, branch: Run) -> str:
            return branch.expert.id

        pool = [echo(name) for name in "abc"[:experts]]
        return play(lambda run: run.map(whom, range(5), start=start), *pool).result or []

    def test_branch_i_goes_to_expert_i_mod_e(self) -> None:
        assert self.dealt(3) == ["a", "b", "c", "a", "b"]
        assert self.dealt(1) == ["a"] * 5

    def test_a_deal_goes_on_where_another_ended(self) -> None:
        assert self.dealt(3, start=2) == ["c", "a", "b", "c", "a"]

    def test_without_branches_the_pool_s_first_is_asked(self) -> None:
        a, b = echo("a"), echo("b")
        played = play(lambda run: run.generate(prompt("q")), a, b)
        assert played.result is not None
        assert played.result.text == "a: q"
        assert b.requests == []

    def test_nested_maps_and_conversations_stay_with_their_branch_s_expert(self) -> None:
        a, b = echo("a"), echo("b")

        async def branch(item: int, inner: Run) -> None:
            first = prompt(f"{item} opens")
            reply = await inner.generate(first)
            await inner.generate(first.then(reply, f"{item} goes on"))
            await inner.map(ask, [f"{item} left", f"{item} right"])

        play(lambda run: run.map(branch, range(2)), a, b)
        for number, expert in enumerate((a, b)):
            said = ["opens", "goes on", "left", "right"]
            assert sorted(texts(expert.requests)) == sorted(f"{number} {text}" for text in said)

    def test_an_expert_may_be_named_for_one_call(self) -> None:
        a, b = echo("a"), echo("b")

        async def branch(item: int, inner: Run) -> str:
            return (await inner.generate(prompt("q"), expert=b.value)).text

        assert play(lambda run: run.map(branch, range(2)), a, b).result == ["b: q", "b: q"]


class TestDraws:
    def test_equal_requests_of_two_branches_are_one_request_and_sent_once(self) -> None:
        scripted = echo(latency=1)
        played = play(lambda run: run.map(ask, ["same", "same", "other"]), scripted)
        assert sorted(texts(scripted.requests)) == ["other", "same"]
        assert played.scope.spent.calls == 3, "used by each"
        assert played.wallet.spent.calls == 2, "paid once"
        assert played.table.meter.usage.cached_calls == 1

    def test_draws_make_them_independent_samples(self) -> None:
        scripted = echo()
        played = play(lambda run: run.map(ask, ["same", "same"], draws=True), scripted)
        assert [request.salt for request in scripted.requests] == ["seed=0/0", "seed=0/1"]
        assert played.wallet.spent.calls == 2

    def test_draws_within_draws_are_all_different(self) -> None:
        async def branch(item: int, inner: Run) -> None:
            await inner.map(ask, ["same", "same"], draws=True)

        scripted = echo(max_n=1)
        play(lambda run: run.map(branch, range(2), draws=True), scripted)
        assert sorted(r.salt for r in scripted.requests) == ["seed=0/0/0", "seed=0/0/1", "seed=0/1/0", "seed=0/1/1"]


class TestRoomUnderCaps:
    """A small budget finishes few branches instead of none."""

    @staticmethod
    def lockstep(branches: int, calls: int, budget: Budget, fails: int | None = None) -> tuple[Played[Any], int]:
        async def branch(number: int, inner: Run) -> None:
            for step in range(calls):
                await inner.generate(prompt(f"{number} {step}"), sampling=Sampling(max_tokens=50))
            inner.emit(Answer(str(number)))

        failures = {} if fails is None else {fails: BadRequest("x")}
        scripted = echo(max_n=1, latency="exp:1", failures=failures)
        played = play(lambda run: run.map(branch, range(branches), cost=calls), scripted, budget=budget)
        return played, len(scripted.requests)

    def test_of_200_branches_in_lockstep_those_finish_that_the_cap_covers(self) -> None:
        played, sent = self.lockstep(200, 3, Budget(calls=60))
        assert isinstance(played.error, BudgetExceeded)
        assert len(played.emitted) == 20
        assert sent == 60

    def test_earlier_branches_go_first(self) -> None:
        played, _ = self.lockstep(10, 3, Budget(calls=12))
        assert sorted(played.places) == [(0, i, 0) for i in range(4)]

    def test_a_branch_that_fails_makes_room_for_another(self) -> None:
        played, sent = self.lockstep(10, 3, Budget(calls=12), fails=0)
        assert sent <= 13
        assert len(played.emitted) >= 4

    def test_without_caps_nobody_waits(self) -> None:
        played, sent = self.lockstep(10, 3, Budget())
        assert (len(played.emitted), sent, played.error) == (10, 30, None)
