"""Problems that come together begin one after the other, so that the first calls leave at once."""

from __future__ import annotations

import asyncio

from orchestrator.engine.doors import Doors
from tests.clock import run_virtual


class Passes:
    """Counts passes of the event loop."""

    def __init__(self) -> None:
        self.number = 0
        self._tick()

    def _tick(self) -> None:
        self.number += 1
        self._handle = asyncio.get_running_loop().call_soon(self._tick)

    def stop(self) -> None:
        self._handle.cancel()


def entered(leavers: frozenset[int] = frozenset(), count: int = 5) -> dict[int, int]:
    """Who went in, in order, and the pass in which each did, counted from the first."""

    async def main() -> dict[int, int]:
        doors, passes, inside = Doors(), Passes(), dict[int, int]()

        async def one(number: int) -> None:
            await doors.enter()
            inside[number] = passes.number

        tasks = [asyncio.ensure_future(one(number)) for number in range(count)]
        await asyncio.sleep(0)
        for number in leavers:
            tasks[number].cancel()
        await asyncio.wait(tasks)
        passes.stop()
        return inside

    inside = run_virtual(main())[0]
    first = min(inside.values())
    return {number: at - first for number, at in inside.items()}


def test_one_begins_in_each_pass_in_the_order_of_coming() -> None:
    inside = entered()
    assert list(inside) == [0, 1, 2, 3, 4]
    gaps = [later - earlier for earlier, later in zip(inside.values(), list(inside.values())[1:], strict=False)]
    assert min(gaps) >= 1


def test_whoever_leaves_while_waiting_holds_up_nobody() -> None:
    inside = entered(frozenset({1, 2}))
    assert list(inside) == [0, 3, 4]
    assert inside[3] <= 2


def test_whoever_comes_alone_goes_in_at_once() -> None:
    async def main() -> list[bool]:
        doors, at_once = Doors(), list[bool]()
        for _ in range(3):
            entering = asyncio.ensure_future(doors.enter())
            await asyncio.sleep(0)
            at_once.append(entering.done())
            for _ in range(4):
                await asyncio.sleep(0)
        return at_once

    assert run_virtual(main())[0] == [True, True, True]
