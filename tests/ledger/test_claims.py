"""What is kept for branches that have started, and who waits for it."""

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import NOTHING, Amount, Claim, Scope, claim, reserve
from tests.ledger.stage import branch, park, take


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
