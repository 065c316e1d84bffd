"""Faults of what stands between a call and the wire: heard by whoever waits, and nothing stays reserved."""

import asyncio
from collections.abc import Sequence

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.engine.flight import Flight
from orchestrator.engine.prefixes import Prefixes
from orchestrator.engine.throttle import Throttle
from orchestrator.errors import ConnectionLost
from orchestrator.ledger import Scope
from orchestrator.types import Expert
from tests.clock import run_virtual
from tests.engine.stage import Stage, expert, request


class Broken:
    """A gate with a fault."""

    def open(self, expert: Expert) -> bool:
        raise TypeError("a gate with a fault")

    def pumped(self, expert: Expert, queued: int) -> None:
        return None


def test_a_fault_of_what_decides_who_leaves_is_heard_by_everybody_who_waits() -> None:
    scope = Scope("p")

    async def main() -> list[str]:
        async with Engine({"e": expert()}, lambda _: Stage(), MemoryJournal(), gate=Broken()) as engine:
            asked = [asyncio.ensure_future(engine.ask(request("q", n), Seat(scope))) for n in range(3)]
            async with asyncio.timeout(60):
                await asyncio.wait(asked)
            return [str(task.exception()) for task in asked]

    assert run_virtual(main())[0] == ["a gate with a fault"] * 3
    assert scope.outstanding == 0


def test_a_fault_after_the_ledger_has_reserved_costs_nothing_and_the_lane_goes_on() -> None:
    scope = Scope("p")

    def take(self: object, *args: object) -> None:
        raise TypeError("a throttle with a fault")

    async def main() -> str:
        async with Engine({"e": expert()}, lambda _: Stage(), MemoryJournal()) as engine:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Throttle, "take", take)
                async with asyncio.timeout(60):
                    with pytest.raises(TypeError, match="a throttle with a fault"):
                        await engine.ask(request("q"), Seat(scope))
            return (await engine.ask(request("q"), Seat(scope))).completion.text

    assert run_virtual(main())[0]
    assert (scope.outstanding, scope.spent.calls) == (0, 1)


def test_where_a_fault_keeps_the_probe_of_an_open_circuit_here_the_next_call_is_the_probe() -> None:
    leaves, stage = Prefixes.leaves, Stage()
    stage.fault = lambda rng: ConnectionLost("no answer") if stage.times[-1] < 1.0 else None
    faults = iter([TypeError("an order with a fault")])

    def fails_once(self: Prefixes, group: Sequence[Flight]) -> object:
        if len(stage.times) >= 8 and (fault := next(faults, None)):
            raise fault
        return leaves(self, group)

    async def main() -> str:
        async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine, asyncio.timeout(600):
            asked = [asyncio.ensure_future(engine.ask(request(f"q{n}"), Seat(Scope("p")))) for n in range(8)]
            await asyncio.wait(asked)
            assert {str(task.exception()) for task in asked} == {"an order with a fault"}
            return (await engine.ask(request("again"), Seat(Scope("p")))).completion.text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prefixes, "leaves", fails_once)
        assert run_virtual(main())[0]
