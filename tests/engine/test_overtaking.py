"""Whoever waits for much room gets it, however many come after it for little."""

import asyncio
from contextlib import suppress

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import Scope
from tests.clock import run_virtual
from tests.engine.stage import Stage, expert, request

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
