"""Who is admitted, who waits, who is refused, and in which order those who wait are woken."""

import asyncio

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import NOTHING, Amount, Claim, Reservation, Scope, charge, claim, reserve, room
from tests.clock import run_virtual
from tests.ledger.stage import park, take


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
