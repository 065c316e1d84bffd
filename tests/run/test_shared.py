"""Work that is done once for a problem."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded, ConnectionLost, ExpertError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.types import Expert, Message, Problem

from .stage import play, prompt


def counting(failing: int = 0) -> ScriptedExpert:
    return ScriptedExpert(lambda request: f"reply {request.sample_index}", latency=1.0)


async def written(run: Run) -> str:
    return (await run.generate(prompt("Write tests."), purpose="tests")).text


async def several(run: Run) -> list[str]:
    """What three verifiers at once are given."""
    async with asyncio.TaskGroup() as group:
        beside = [run.beside((9, i)) for i in range(3)]
        tasks = [group.create_task(each.once("tests", lambda each=each: written(each))) for each in beside]  # type: ignore[misc]
    return [task.result() for task in tasks]


def test_the_first_does_it_and_the_others_are_given_the_same() -> None:
    expert = counting()
    played = play(several, expert)
    assert played.result == ["reply 0"] * 3
    assert (len(expert.requests), played.table.meter.usage.calls, played.seconds) == (1, 1, 1.0)


def test_it_takes_one_call_of_the_budget() -> None:
    played = play(several, counting(), budget=Budget(calls=1))
    assert played.result == ["reply 0"] * 3


def test_other_work_is_done_apart() -> None:
    expert = counting()

    async def act(run: Run) -> list[str]:
        return [await run.once(("tests", n), lambda: written(run)) for n in (1, 2, 1)]

    played = play(act, expert)
    assert played.result == ["reply 0"] * 3
    assert played.table.meter.usage.calls == 2


def test_the_failure_of_an_expert_is_everybodys() -> None:
    lost = ConnectionLost("no line", expert="scripted")
    expert = ScriptedExpert(lambda request: "never", failures=dict.fromkeys(range(99), lost))

    async def act(run: Run) -> list[ExpertError]:
        found = []
        for _ in range(3):
            try:
                await run.once("tests", lambda: written(run))
            except ExpertError as error:
                found.append(error)
        return found

    played = play(act, expert)
    assert played.result is not None
    assert len(played.result) == 3
    assert len({id(error) for error in played.result}) == 1
    assert played.table.meter.usage.failed == 1


def test_who_is_cancelled_leaves_the_work_to_the_next() -> None:
    expert = counting()

    async def act(run: Run) -> str:
        first = asyncio.ensure_future(run.once("tests", lambda: written(run)))
        second = asyncio.ensure_future(run.once("tests", lambda: written(run)))
        await asyncio.sleep(0.5)
        first.cancel()
        return await second

    assert play(act, expert).result == "reply 0"


def test_a_refusal_is_no_result() -> None:
    async def act(run: Run) -> int:
        refused = 0
        for _ in range(2):
            try:
                await run.once("tests", lambda: written(run))
            except BudgetExceeded:
                refused += 1
        return refused

    assert play(act, counting(), budget=Budget(calls=0)).result == 2


def test_another_problem_has_its_own() -> None:
    expert = counting()
    other = Problem("q", (Message("user", "What is 3 + 3?"),), "number")

    async def inner(problem: Problem, run: Run) -> None:
        await run.once("tests", lambda: written(run))

    async def act(run: Run) -> None:
        await run.once("tests", lambda: written(run))
        await run.delegate(inner, other)
        await run.delegate(inner)

    assert play(act, expert).table.meter.usage.calls == 2


@pytest.mark.parametrize("given", [True, False])
def test_who_plays_a_role_that_nobody_was_given_for(given: bool) -> None:
    pool = [counting(), counting()]
    values = [Expert(f"e{i}", "m", client="scripted", options=each.value.options) for i, each in enumerate(pool)]

    async def act(run: Run) -> list[str]:
        return [run.role("judge").id, run.role("judge", values[1]).id]

    played = play(act, *values, roles={"judge": values[0]} if given else {})
    assert played.result == (["e0", "e0"] if given else ["e0", "e1"])


def test_who_keeps_room_for_its_calls_may_wait_for_work_that_another_does() -> None:
    """The room that a branch keeps is of no use to it while it waits; else work that had none would wait for ever."""

    async def kept(item: str, run: Run) -> str:
        await run.generate(prompt("Answer."))
        return await run.once("tests", lambda: written(run))

    async def step(item: str, run: Run) -> str | None:
        if item == "tests":
            return await run.once("tests", lambda: written(run))
        return (await run.map(kept, [item], cost=2))[0]

    async def act(run: Run) -> list[str | None]:
        return await run.map(step, ["answer", "tests"])

    assert play(act, counting(), budget=Budget(calls=2)).result == ["reply 0", "reply 0"]
