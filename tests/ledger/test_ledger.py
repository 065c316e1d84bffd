"""Who is admitted, who waits, who is refused, and in which order those who wait are woken."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import (
    NOTHING,
    Amount,
    Claim,
    Forecast,
    Parked,
    Reservation,
    Scope,
    charge,
    claim,
    reserve,
    room,
)
from tests.clock import run_virtual


def take(scope: Scope, calls: int = 1, tokens: int = 0, by: Claim | None = None) -> Reservation:
    got = reserve(scope.chain, Amount(calls, tokens), by)
    assert isinstance(got, Reservation)
    return got


def branch(scope: Scope, calls: int) -> Claim:
    got = claim(scope.chain, calls, Amount(1))
    assert isinstance(got, Claim)
    return got


def park(scope: Scope, name: str, need: Amount, woken: list[str], priority: int = 0) -> Callable[[], None]:
    return scope.park((priority,), need, lambda: woken.append(name)).leave


def test_what_does_not_fit_now_waits_and_is_refused_only_when_nothing_is_outstanding() -> None:
    scope = Scope("run", Budget(tokens=100))
    first, second = take(scope, tokens=60), take(scope, tokens=40)
    first.settle(Amount(1, 60), NOTHING)
    assert reserve(scope.chain, Amount(1, 50)) is scope
    second.settle(Amount(1, 30), NOTHING)
    with pytest.raises(BudgetExceeded) as refusal:
        reserve(scope.chain, Amount(1, 50))
    assert (refusal.value.scope, refusal.value.dimension, refusal.value.cap) == ("run", "tokens", 100)
    assert refusal.value.smallest == 140


def test_a_reservation_is_on_all_scopes_or_on_none() -> None:
    run = Scope("run", Budget(calls=1), paid=True)
    problem = Scope("p", Budget(calls=5), run)
    take(problem)
    assert reserve(problem.chain, Amount(1)) is run
    assert (problem.outstanding, problem.reserved) == (1, Amount(1))


def test_the_leaf_that_is_full_is_named_before_the_root() -> None:
    problem = Scope("p", Budget(calls=0), Scope("run", Budget(calls=0)))
    with pytest.raises(BudgetExceeded, match="budget of p ended"):
        reserve(problem.chain, Amount(1))


def test_two_meters() -> None:
    run = Scope("run", Budget(), paid=True)
    leader, other = Scope("a", Budget(), run), Scope("b", Budget(), run)
    take(leader, tokens=50).settle(Amount(1, 10), Amount(1, 14))
    assert charge(other.chain, Amount(1, 10)) is None
    assert (run.spent, leader.spent, other.spent) == (Amount(1, 14), Amount(1, 10), Amount(1, 10))


@pytest.mark.parametrize(("end", "spent"), [("refund", NOTHING), ("charge", Amount(1, 50))])
def test_what_brings_nothing_is_refunded_or_charged_in_full(end: str, spent: Amount) -> None:
    problem = Scope("p", Budget(), Scope("run", Budget(), paid=True))
    getattr(take(problem, tokens=50), end)()
    assert [scope.spent for scope in problem.chain] == [spent, spent]
    assert [scope.outstanding for scope in problem.chain] == [0, 0]


def test_cents_add_up_to_a_dollar_and_not_to_more() -> None:
    scope = Scope("run", Budget(usd=1.0))
    for _ in range(10):
        got = reserve(scope.chain, Amount(1, usd=0.1))
        assert isinstance(got, Reservation)
        got.settle(Amount(1, usd=0.1), NOTHING)
    with pytest.raises(BudgetExceeded):
        reserve(scope.chain, Amount(1, usd=0.0001))


def test_whole_numbers_have_no_rounding() -> None:
    scope = Scope("run", Budget(tokens=10**10))
    assert isinstance(reserve(scope.chain, Amount(1, 10**10)), Reservation)
    assert reserve(scope.chain, Amount(1, 1)) is scope


# -- waking -------------------------------------------------------------------------------


def test_a_settlement_wakes_those_that_fit_best_priority_first_and_no_more() -> None:
    scope, woken = Scope("run", Budget(tokens=100)), list[str]()
    first, _second = take(scope, tokens=60), take(scope, tokens=40)
    park(scope, "late", Amount(1, 30), woken, priority=2)
    park(scope, "early", Amount(1, 30), woken, priority=1)
    park(scope, "last", Amount(1, 30), woken, priority=3)
    first.refund()
    assert woken == ["early", "late"]


def test_a_big_one_in_front_is_not_overtaken_by_small_ones_behind_it() -> None:
    scope, woken = Scope("run", Budget(tokens=100)), list[str]()
    first, second = take(scope, tokens=60), take(scope, tokens=40)
    park(scope, "big", Amount(1, 90), woken, priority=1)
    park(scope, "small", Amount(1, 10), woken, priority=2)
    first.refund()
    assert woken == []
    second.refund()
    assert woken == ["big", "small"]


def test_one_that_can_never_fit_blocks_nobody_and_hears_it_when_nothing_is_outstanding() -> None:
    scope, woken = Scope("run", Budget(tokens=100)), list[str]()
    first, second, third = take(scope, tokens=30), take(scope, tokens=30), take(scope, tokens=40)
    park(scope, "hopeless", Amount(1, 80), woken, priority=1)
    park(scope, "small", Amount(1, 20), woken, priority=2)
    first.charge()
    second.refund()
    assert woken == ["small"]
    third.refund()
    assert woken == ["small", "hopeless"]


def test_room_for_one_wakes_one_however_many_wait() -> None:
    scope, woken = Scope("run", Budget(tokens=1000)), list[str]()
    out = take(scope, tokens=800)
    for number in range(500):
        park(scope, f"{number}", Amount(1, 800), woken, priority=number)
    for number in range(5):
        out.settle(Amount(1, 0), NOTHING)
        assert woken == [f"{earlier}" for earlier in range(number + 1)]
        out = take(scope, tokens=800)
        scope.stir()  # its turn is over
    assert len(woken) == 5
    assert len(scope.parked) == 495


def test_one_that_does_not_take_its_turn_hands_it_on() -> None:
    scope, woken = Scope("run", Budget(tokens=100)), list[str]()
    out = take(scope, tokens=80)
    for name in ("first", "second"):
        park(scope, name, Amount(1, 80), woken)
    out.settle(Amount(1, 0), NOTHING)
    assert woken == ["first"]
    scope.stir()
    assert woken == ["first", "second"]


def test_with_nothing_outstanding_no_kind_waits_for_another() -> None:
    scope, woken = Scope("run", Budget(tokens=100)), list[str]()
    out = take(scope, tokens=80)
    for kind in "aab":
        scope.park((0,), Amount(1, 80), lambda kind=kind: woken.append(kind), kind=kind)  # type: ignore[misc]
    out.settle(Amount(1, 0), NOTHING)
    assert woken == ["a", "b"]


def test_a_small_one_passes_what_is_kept_for_branches_that_nobody_else_can_use() -> None:
    scope, woken = Scope("run", Budget(tokens=100)), list[str]()
    started = claim(scope.chain, 1, Amount(1, 60))
    assert isinstance(started, Claim)
    out = take(scope, tokens=40)
    park(scope, "big", Amount(1, 70), woken, priority=1)
    park(scope, "small", Amount(1, 30), woken, priority=2)
    out.settle(NOTHING, NOTHING)
    assert woken == ["small"]
    started.release()
    assert woken == ["small", "big"]


def test_who_left_is_not_woken_and_blocks_nobody() -> None:
    scope, woken = Scope("run", Budget(tokens=100)), list[str]()
    first, _second = take(scope, tokens=60), take(scope, tokens=40)
    leave = park(scope, "gone", Amount(1, 90), woken, priority=1)
    park(scope, "small", Amount(1, 50), woken, priority=2)
    leave()
    first.refund()
    assert woken == ["small"]


def test_a_scope_whose_seconds_are_over_wakes_everybody_and_admits_nobody() -> None:
    scope, woken = Scope("p", Budget(calls=1, seconds=5)), list[str]()
    take(scope)
    park(scope, "second", Amount(1), woken, priority=2)
    park(scope, "first", Amount(1), woken, priority=1)
    scope.close()
    assert woken == ["first", "second"]
    with pytest.raises(BudgetExceeded, match="seconds=5"):
        reserve(scope.chain, Amount(1))


def test_who_is_woken_and_cancelled_hands_the_turn_to_the_next() -> None:
    scope, came = Scope("run", Budget(calls=2)), list[str]()

    async def wait(name: str) -> None:
        await room(scope, (0,), Amount(1))
        came.append(name)

    async def main() -> None:
        first, second = take(scope), take(scope)
        one = asyncio.ensure_future(wait("one"))
        two = asyncio.ensure_future(wait("two"))
        await asyncio.sleep(0)
        first.refund()
        one.cancel()
        await asyncio.wait([one, two])
        second.refund()

    run_virtual(main())
    assert came == ["two"]


# -- claims -------------------------------------------------------------------------------


def test_a_call_of_nobody_leaves_alone_what_is_owed_to_branches() -> None:
    scope = Scope("run", Budget(calls=4))
    started = branch(scope, 3)
    take(scope)
    assert reserve(scope.chain, Amount(1)) is scope
    for _ in range(3):
        take(scope, by=started)
    assert (scope.owed, scope.reserved) == (NOTHING, Amount(4))


def test_what_is_held_back_by_what_is_owed_waits_for_the_branch_to_end() -> None:
    scope, woken = Scope("run", Budget(calls=2)), list[str]()
    started = branch(scope, 2)
    assert reserve(scope.chain, Amount(1)) is scope
    assert claim(scope.chain, 1, Amount(1)) is scope
    park(scope, "other", Amount(1), woken)
    started.release()
    started.release()
    assert woken == ["other"]
    assert (scope.claims, scope.owed) == (0, NOTHING)


def test_a_branch_that_no_end_can_make_room_for_is_refused() -> None:
    scope = Scope("run", Budget(calls=4))
    take(scope).charge()
    started = branch(scope, 2)
    with pytest.raises(BudgetExceeded) as refusal:
        claim(scope.chain, 4, Amount(1))
    assert refusal.value.smallest == 7
    started.release()


@pytest.mark.parametrize("end", ["refund", "charge"])
def test_a_call_that_came_to_nothing_is_owed_again(end: str) -> None:
    scope = Scope("run", Budget(calls=10))
    started = branch(scope, 2)
    getattr(take(scope, by=started), end)()
    assert (started.calls, scope.owed) == (2, Amount(2))
    take(scope, by=started).settle(Amount(1), NOTHING)
    assert (started.calls, scope.owed) == (1, Amount(1))


def test_a_call_that_fails_after_its_branch_has_ended_is_owed_to_nobody() -> None:
    scope = Scope("run", Budget(calls=10))
    started = branch(scope, 2)
    call = take(scope, by=started)
    started.release()
    call.refund()
    assert (scope.claims, scope.owed, scope.outstanding) == (0, NOTHING, 0)


def test_what_must_be_free_for_one_call_counts_though_it_is_not_owed() -> None:
    scope = Scope("run", Budget(tokens=100))
    got = claim(scope.chain, 2, Amount(1, 20), least=Amount(1, 90))
    assert isinstance(got, Claim)
    assert scope.owed == Amount(2, 40)
    got.release()
    take(scope, tokens=20).charge()
    with pytest.raises(BudgetExceeded):
        claim(scope.chain, 2, Amount(1, 20), least=Amount(1, 90))


def test_whoever_can_never_fit_hears_it_although_one_before_waits_for_what_is_kept_for_branches() -> None:
    scope = Scope("run", Budget(tokens=150), spent=Amount(1, 100))
    branch, out = claim(scope.chain, 3, Amount(1, 6)), take(scope, tokens=20)
    assert isinstance(branch, Claim)
    woken: list[str] = []
    scope.park((0,), Amount(1, 20), lambda: woken.append("waits"))
    scope.park((1,), Amount(1, 40), lambda: woken.append("never"))
    out.settle(Amount(1, 20), Amount(1, 20))
    assert woken == ["never"]
    branch.release()
    assert woken == ["never", "waits"]


# -- forecasts ----------------------------------------------------------------------------


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
