"""Single samples whose askers leave while the group that they are asked with goes on."""

import asyncio

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.ledger import Scope
from tests.clock import route_time, run_virtual
from tests.engine.stage import Stage, expert, request


def asking(engine: Engine, sample: int, scope: Scope) -> asyncio.Task[str]:
    async def ask() -> str:
        return (await engine.ask(request("q", sample), Seat(scope))).completion.text

    return asyncio.ensure_future(ask())


def test_a_sample_that_was_left_and_is_asked_again_while_its_group_is_out_is_sent_once() -> None:
    stage, scope = Stage(), Scope("p")

    async def main() -> None:
        async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine:
            first, second = asking(engine, 0, scope), asking(engine, 1, scope)
            await asyncio.sleep(0.3)
            first.cancel()
            await asyncio.sleep(0.3)
            again = asking(engine, 0, scope)
            await asyncio.wait([first, second, again])
            assert again.result() == "q #0 "

    run_virtual(main())
    assert len(stage.batches) == 1
    assert (scope.spent.calls, scope.outstanding) == (2, 0)


def test_a_leader_that_left_has_used_nothing_and_its_wallet_has_paid() -> None:
    stage, run = Stage(), Scope("run", paid=True)
    left, stayed = Scope("left", parent=run), Scope("stayed", parent=run)

    async def main() -> None:
        async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine:
            leader, other = asking(engine, 0, left), asking(engine, 0, stayed)
            await asyncio.sleep(0.3)
            leader.cancel()
            await asyncio.wait([leader, other])

    run_virtual(main())
    assert [scope.spent.calls for scope in (left, stayed, run)] == [0, 1, 1]


def test_a_sample_that_is_left_before_its_group_may_leave_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)
    stage, scope = Stage(), Scope("p")

    async def main() -> None:
        async with Engine({"e": expert(rpm=1.0)}, lambda _: stage, MemoryJournal()) as engine:
            await engine.ask(request("before"), Seat(scope))
            tasks = [asking(engine, sample, scope) for sample in range(3)]
            await asyncio.sleep(10.0)
            tasks[1].cancel()
            await asyncio.wait(tasks)

    run_virtual(main())
    assert [[asked.sample_index for asked in batch] for batch in stage.batches] == [[0], [0, 2]]
    assert (scope.spent.calls, scope.outstanding) == (3, 0)
