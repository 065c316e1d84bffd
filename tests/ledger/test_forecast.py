"""When a branch may start, by what calls were asked for and what they came to."""

import asyncio
from typing import Any

from orchestrator.budget import Budget
from orchestrator.ledger import NOTHING, Amount, Claim, Forecast, Parked, Reservation, Scope, reserve
from tests.clock import run_virtual


def started(forecast: Forecast, scope: Scope, calls: int = 2) -> Claim | None:
    """The claim that a branch gets at once, if it gets one."""

    async def main() -> Claim | None:
        task = asyncio.ensure_future(forecast.start(scope.chain, calls, (0,)))
        await asyncio.sleep(0)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait([task])
        return None

    return run_virtual(main())[0]


def test_until_something_is_asked_only_one_branch_starts_under_a_token_cap() -> None:
    forecast, scope = Forecast(), Scope("run", Budget(tokens=1000))
    assert started(forecast, scope) is not None
    assert started(forecast, scope) is None
    forecast.ask(Amount(1, 100))
    second = started(forecast, scope)
    assert second is not None
    assert second.unit == Amount(1, 100)


def test_branches_inside_the_one_that_shows_what_is_asked_do_not_wait_for_it() -> None:
    forecast, problem = Forecast(), Scope("problem", Budget(tokens=1000))
    share = Scope("share", Budget(tokens=500), problem)

    async def main() -> list[bool]:
        outer = await forecast.start(problem.chain, 2, (0,))
        inner = [asyncio.ensure_future(forecast.start((share,), 2, (0,), outer)) for _ in range(2)]
        await asyncio.sleep(0)
        first = [task.done() for task in inner]
        forecast.ask(Amount(1, 100))
        await asyncio.wait(inner)
        return first

    assert run_virtual(main())[0] == [True, False]


def test_branches_that_each_wait_inside_for_what_is_asked_do_not_wait_for_each_other() -> None:
    forecast, problem = Forecast(), Scope("problem", Budget(calls=8))

    async def inside(number: int) -> bool:
        outer = await forecast.start(problem.chain, 3, (0,))
        share = Scope(f"share {number}", Budget(tokens=500), problem)
        await asyncio.sleep(1)
        inner = await forecast.start((share,), 2, (0,), outer)
        alone = forecast.asked.tokens == 0
        await asyncio.sleep(1)
        forecast.ask(Amount(1, 100))
        forecast.end(inner, followed=True)
        forecast.end(outer, followed=True)
        return alone

    async def main() -> list[bool]:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            tasks = [group.create_task(inside(number)) for number in range(2)]
        return [task.result() for task in tasks]

    assert sorted(run_virtual(main())[0]) == [False, True]


def test_a_calls_cap_alone_needs_no_scout() -> None:
    forecast, scope = Forecast(), Scope("run", Budget(calls=5))
    assert [started(forecast, scope) is not None for _ in range(3)] == [True, True, False]


def test_after_a_scout_that_asked_nothing_the_next_one_goes() -> None:
    forecast, scope = Forecast(), Scope("run", Budget(tokens=1000))
    first = started(forecast, scope)
    assert first is not None
    forecast.end(first, followed=True)
    assert started(forecast, scope) is not None


def test_calls_count_as_their_worst_case_until_a_branch_has_come_to_its_end() -> None:
    forecast, scope = Forecast(), Scope("run", Budget(tokens=1000))
    forecast.ask(Amount(1, 400))
    first = started(forecast, scope)
    assert first is not None
    forecast.reply(Amount(1, 50))
    assert started(forecast, scope) is None
    forecast.end(first, followed=True)
    second = started(forecast, scope)
    assert second is not None
    assert second.unit == Amount(1, 50)


def test_where_the_worst_case_never_fits_one_branch_tries_with_what_calls_came_to() -> None:
    forecast, scope = Forecast(), Scope("run", Budget(tokens=1000))
    forecast.ask(Amount(1, 400))
    forecast.reply(Amount(1, 50))
    assert started(forecast, scope, calls=3) is not None


class Counting(Scope):
    """Counts how often somebody is parked."""

    parks = 0

    def park(self, *args: Any, **kwargs: Any) -> Parked:
        self.parks += 1
        return super().park(*args, **kwargs)


async def waiting_behind(forecast: Forecast, scope: Scope, branches: int) -> tuple[Claim, list[asyncio.Task[Claim]]]:
    """A branch of three calls that has started, and others that wait for room, with one reply come."""
    forecast.ask(Amount(1, 1000))
    first = await forecast.start(scope.chain, 3, (0,))
    waiting = [asyncio.ensure_future(forecast.start(scope.chain, 3, (0,))) for _ in range(branches)]
    got = reserve(scope.chain, Amount(1, 1000), first)
    assert isinstance(got, Reservation)
    await passes(20)
    got.settle(Amount(1, 10), NOTHING)
    forecast.reply(Amount(1, 10))
    return first, waiting


async def passes(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_branches_that_wait_for_room_do_not_wake_each_other_again_and_again() -> None:
    forecast, scope = Forecast(), Counting("problem", Budget(tokens=4000))

    async def main() -> int:
        first, waiting = await waiting_behind(forecast, scope, 3)
        out = reserve(scope.chain, Amount(1, 1000), first)
        assert isinstance(out, Reservation)
        scope.stir()
        await passes(200)
        parks = scope.parks
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        return parks

    assert run_virtual(main())[0] <= 6


def test_a_branch_that_came_to_its_end_lets_those_start_that_its_worst_case_held_back() -> None:
    forecast, scope = Forecast(), Scope("problem", Budget(tokens=4000))

    async def main() -> list[bool]:
        first, waiting = await waiting_behind(forecast, scope, 3)
        out = reserve(scope.chain, Amount(1, 1000), first)
        assert isinstance(out, Reservation)
        await passes(20)
        assert not any(task.done() for task in waiting)
        forecast.end(first, followed=True)
        await passes(20)
        return [task.done() for task in waiting]

    assert run_virtual(main())[0] == [True, True, True]
