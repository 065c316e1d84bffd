"""Whoever waits for much room gets it, however many come after it for little."""

import asyncio
from contextlib import suppress

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import Forecast, Scope
from orchestrator.types import Request
from tests.clock import run_virtual
from tests.engine.stage import Stage, expert, request
from tests.ledger.stage import take

CAP, MUCH = 2300, 2000
"""Tokens: beside the large call there is room for two of the small ones, whose worst case is some 140 each."""


async def stream(engine: Engine, run: Scope, number: int, served: list[float]) -> None:
    """A problem that asks on and on, a call at a time; the problems take turns."""
    await asyncio.sleep(number / 4)
    with suppress(BudgetExceeded):
        for i in range(60):
            await engine.ask(request(f"{number} {i}"), Seat(run, turn=2 + number))
            served.append(asyncio.get_running_loop().time())


async def large(engine: Engine, run: Scope, turn: int) -> float | BudgetExceeded:
    await asyncio.sleep(1.1)
    try:
        await engine.ask(request("large", max_tokens=MUCH), Seat(run, turn))
    except BudgetExceeded as refusal:
        return refusal
    return asyncio.get_running_loop().time()


def among_small(turn: int) -> tuple[float | BudgetExceeded, int]:
    """When a large call of a problem with this turn is answered, if it is, and how many small ones are in all."""
    run, served = Scope("run", Budget(tokens=CAP), paid=True), list[float]()

    async def main() -> float | BudgetExceeded:
        async with (
            Engine({"e": expert()}, lambda _: Stage(), MemoryJournal()) as engine,
            asyncio.TaskGroup() as group,
        ):
            for number in range(4):
                group.create_task(stream(engine, run, number, served))
            task = group.create_task(large(engine, run, turn))
        return task.result()

    return run_virtual(main())[0], len(served)


def test_a_large_call_of_an_early_problem_waits_only_for_what_is_out() -> None:
    when, small = among_small(turn=1)
    assert isinstance(when, float)
    assert when <= 1.1 + 1.0 + 1.0
    assert small > 8


def test_a_large_call_of_a_late_problem_does_not_hold_up_those_before_it() -> None:
    refusal, small = among_small(turn=9)
    assert isinstance(refusal, BudgetExceeded)
    assert small > 100


async def later(seconds: float, engine: Engine, asked: Request, seat: Seat) -> float:
    """Asks after some seconds; when the reply came."""
    await asyncio.sleep(seconds)
    await engine.ask(asked, seat)
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("joined", [False, True], ids=["nobody else wants it", "a later problem wants it too"])
def test_those_kept_behind_a_large_call_go_on_when_who_asked_for_it_leaves(joined: bool) -> None:
    run = Scope("run", Budget(tokens=CAP), paid=True)
    stage = Stage(pace=lambda rng: 100.0 if len(stage.times) == 1 else 1.0)

    async def main() -> float:
        async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine, asyncio.TaskGroup() as group:
            group.create_task(later(0.0, engine, request("out for long", max_tokens=400), Seat(run, turn=1)))
            early = group.create_task(later(1.0, engine, request("large", max_tokens=MUCH), Seat(run, turn=2)))
            if joined:
                group.create_task(later(1.5, engine, request("large", max_tokens=MUCH), Seat(run, turn=9)))
            small = group.create_task(later(2.0, engine, request("small"), Seat(run, turn=3)))
            await asyncio.sleep(5.0)
            assert not small.done()
            early.cancel()
        return small.result()

    assert run_virtual(main())[0] == pytest.approx(6.0, abs=0.1)


def test_branches_kept_behind_one_that_needs_much_start_when_it_is_called_off() -> None:
    run = Scope("run", Budget(calls=9))
    take(run, calls=5)

    async def main() -> bool:
        forecast = Forecast()
        large = asyncio.ensure_future(forecast.start(run.chain, 6, (1, 0)))
        await asyncio.sleep(1.0)
        small = asyncio.ensure_future(forecast.start(run.chain, 2, (2, 0)))
        await asyncio.sleep(1.0)
        assert not large.done()
        assert not small.done()
        large.cancel()
        await asyncio.sleep(1.0)
        return small.done()

    assert run_virtual(main())[0]
