"""Any order of calls, branches, settlements and departures over nested scopes, checked against plain sums."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import NOTHING, Amount, Claim, Parked, Reservation, Scope, charge, claim, reserve
from tests.quiet import QUIET

CAPS = st.one_of(
    st.builds(Budget, calls=st.integers(3, 9)),
    st.builds(Budget, tokens=st.integers(30, 90)),
    st.builds(Budget, calls=st.integers(3, 9), tokens=st.integers(30, 90), usd=st.sampled_from([0.1, 0.35])),
)
LOOSE = st.one_of(st.just(Budget()), st.just(Budget()), CAPS)
COSTS = st.builds(Amount, st.just(1), st.integers(1, 20), st.sampled_from([0.0, 0.01, 0.1]))
SHARES = st.floats(0, 1)


@dataclass(eq=False)
class Branch:
    claim: Claim
    scope: Scope


@dataclass(eq=False)
class Waiting:
    """Somebody who asked the ledger for room, and where that stands."""

    need: Amount
    ask: Callable[[], object]
    """Asks again; a scope, if it is still held back."""
    drawing: Claim | None = None
    parked: Parked | None = None
    at: Scope | None = None
    turn: Scope | None = None
    """The scope that woke it, and that is to hear when it has tried."""


@dataclass(eq=False)
class Books:
    """What the ledger should say of one scope."""

    used: list[Amount] = field(default_factory=list)
    paid: list[Amount] = field(default_factory=list)

    def spent(self, scope: Scope) -> Amount:
        return sum(self.paid if scope.paid else self.used, NOTHING)


class Ledger(RuleBasedStateMachine):
    branches = Bundle("branches")
    calls = Bundle("calls")

    @initialize(caps=st.tuples(LOOSE, CAPS, LOOSE, LOOSE), before=st.integers(0, 2))
    def scopes(self, caps: tuple[Budget, ...], before: int) -> None:
        run = Scope("run", caps[0], paid=True, spent=Amount(before, before))
        first, second = Scope("first", caps[1], run), Scope("second", caps[2], run)
        self.all = [run, first, second, Scope("first/0", caps[3], first)]
        self.books = {scope: Books() for scope in self.all}
        self.books[run].paid.append(run.spent)
        self.overdrawn_at_start = run.lacks(NOTHING, run.spent) is not None
        self.out: dict[Reservation, Scope] = {}
        self.retries: dict[Waiting, Callable[[], None]] = {}
        self.live: list[Claim] = []
        self.due: dict[Claim, int] = {}
        self.drew: dict[Reservation, list[Claim]] = {}
        self.waiting: list[Waiting] = []
        self.woken: list[Waiting] = []
        self.eased: set[Scope] = set()
        """Where a branch's call took less than was kept for it, since something last ended there."""

    # -- asking -------------------------------------------------------------------------

    def attempt(self, waiting: Waiting, priority: tuple[int, ...], drawing: Claim | None, kind: str = "") -> None:
        try:
            held = waiting.ask()
        except BudgetExceeded as refusal:
            self.check_refusal(refusal, waiting, drawing)
            return
        if isinstance(held, Scope):
            waiting.at, waiting.drawing = held, drawing

            def wake() -> None:
                waiting.at, waiting.turn = None, held
                self.woken.append(waiting)

            waiting.parked = held.park(priority, waiting.need, wake, drawing, kind)
            self.waiting.append(waiting)
            self.retries[waiting] = lambda: self.attempt(waiting, priority, drawing, kind)

    def check_refusal(self, refusal: BudgetExceeded, waiting: Waiting, drawing: Claim | None) -> None:
        scope = next(scope for scope in self.all if scope.name == refusal.scope)
        assert scope.outstanding == 0, "refused although something outstanding might have made room"
        committed = scope.committed(drawing)
        assert refusal.cap == getattr(scope.budget, refusal.dimension)
        only = replace(Budget(), **{refusal.dimension: refusal.smallest})
        assert Scope("would do", only).lacks(waiting.need, committed) is None
        less = refusal.smallest - 1 if refusal.dimension != "usd" else refusal.smallest * (1 - 1e-6) - 1e-9
        if less >= 0:
            assert Scope("would not", replace(only, **{refusal.dimension: less})).lacks(waiting.need, committed)

    @rule(target=branches, where=st.sampled_from([0, 1, 1, 1, 3]), calls=st.integers(2, 3), unit=COSTS, least=COSTS)
    def start_branch(self, where: int, calls: int, unit: Amount, least: Amount) -> object:
        scope = self.all[where]
        branch = Branch(Claim((), NOTHING, -1), scope)

        def ask() -> object:
            got = claim(scope.chain, calls, unit, least=least, priority=(0, -where))
            if isinstance(got, Claim):
                branch.claim = got
                self.live.append(got)
                self.due[got] = calls
            return got

        self.attempt(Waiting((unit * calls).or_more(least), ask), (0, -where), None)
        return branch

    @rule(target=branches, branch=branches, unit=COSTS)
    def start_branch_within(self, branch: Branch, unit: Amount) -> object:
        inner = self.all[3]
        if branch.claim.calls < 0 or branch.scope is not self.all[1]:
            return multiple()
        inside = Branch(Claim((), NOTHING, -1), inner)

        def ask() -> object:
            got = claim((inner,), 2, unit, outer=branch.claim, priority=(0, -3))
            if isinstance(got, Claim):
                inside.claim = got
                self.live.append(got)
                self.due[got] = 2
            return got

        self.attempt(Waiting(unit * 2, ask), (0, -3), None)
        return inside

    @rule(target=calls, where=st.sampled_from([0, 1, 1, 1, 2, 3]), worst=COSTS)
    def call(self, where: int, worst: Amount) -> list[Reservation]:
        return self.reserve(self.all[where], worst, None, where)

    @rule(target=calls, branch=branches, worst=COSTS)
    def another_call_of_branch(self, branch: Branch, worst: Amount) -> list[Reservation]:
        return self.of_branch(branch, worst)

    @rule(target=calls, branch=branches, worst=COSTS)
    def call_of_branch(self, branch: Branch, worst: Amount) -> list[Reservation]:
        return self.of_branch(branch, worst)

    def of_branch(self, branch: Branch, worst: Amount) -> list[Reservation]:
        return self.reserve(branch.scope, worst, branch.claim if branch.claim.chain else None, 5)

    def reserve(self, scope: Scope, worst: Amount, drawing: Claim | None, stage: int) -> list[Reservation]:
        got: list[Reservation] = []

        def ask() -> object:
            reservation = reserve(scope.chain, worst, drawing, (0, -stage))
            if isinstance(reservation, Reservation):
                self.out[reservation] = scope
                got.append(reservation)
                owing = [drawing, drawing.outer] if drawing else []
                self.drew[reservation] = [one for one in owing if one is not None and self.due[one] > 0]
                for one in self.drew[reservation]:
                    self.due[one] -= 1
                    self.eased.update(one.chain)
            return reservation

        self.attempt(Waiting(worst, ask), (0, -stage), drawing, str(worst.tokens % 2))
        return got

    @rule(where=st.integers(0, 3), used=COSTS)
    def hit(self, where: int, used: Amount) -> None:
        scope = self.all[where]

        def ask() -> object:
            held = charge(scope.chain, used)
            if held is None:
                self.book(scope, used, NOTHING)
            return held

        self.attempt(Waiting(used, ask), (0, 0), None)

    # -- ending -------------------------------------------------------------------------

    def book(self, scope: Scope, used: Amount, paid: Amount) -> None:
        for level in scope.chain:
            self.books[level].used.append(used)
            self.books[level].paid.append(paid)

    def end(self, got: list[Reservation], how: str, share: float = 1.0) -> None:
        for reservation in got:
            scope = self.out.pop(reservation, None)
            if scope is None:
                continue
            worst = reservation.worst
            self.eased.difference_update(scope.chain)
            for one in self.drew[reservation] if how != "reply" else ():
                self.due[one] += 1
            if how == "refund":
                reservation.refund()
            elif how == "charge":
                self.book(scope, worst, worst)
                reservation.charge()
            else:
                used = Amount(1, int(worst.tokens * share), worst.usd * share)
                self.book(scope, used, used)
                reservation.settle(used, used)
            reservation.refund()  # a second end does nothing

    @rule(got=consumes(calls), share=SHARES)
    def reply(self, got: list[Reservation], share: float) -> None:
        self.end(got, "reply", share)

    @rule(got=consumes(calls))
    def refund(self, got: list[Reservation]) -> None:
        self.end(got, "refund")

    @rule(got=consumes(calls))
    def lose(self, got: list[Reservation]) -> None:
        self.end(got, "charge")

    @rule(branch=consumes(branches))
    def end_branch(self, branch: Branch) -> None:
        branch.claim.release()
        branch.claim.release()
        self.live = [one for one in self.live if one is not branch.claim]
        self.due[branch.claim] = -100

    @rule(number=st.integers(0, 10))
    def leave(self, number: int) -> None:
        if self.waiting:
            waiting = self.waiting.pop(number % len(self.waiting))
            assert waiting.parked is not None
            if waiting.parked.leave() and waiting.at is not None:
                waiting.at.stir()
            if waiting in self.woken:
                self.woken.remove(waiting)
                assert waiting.turn is not None
                waiting.turn.stir()

    @rule()
    def try_again(self) -> None:
        if self.woken:
            waiting = self.woken.pop(0)
            self.waiting.remove(waiting)
            turn, waiting.turn = waiting.turn, None
            self.retries[waiting]()
            assert turn is not None
            turn.stir()

    @rule()
    def all_try_again(self) -> None:
        while self.woken:
            self.try_again()

    # -- what must hold -----------------------------------------------------------------

    @invariant()
    def sums_are_right_and_no_cap_is_passed(self) -> None:
        for scope in self.all:
            held = [r for r, leaf in self.out.items() if scope in leaf.chain]
            assert scope.outstanding == len(held)
            assert near(scope.reserved, sum((r.worst for r in held), NOTHING))
            kept = [c for c in self.live if scope in c.chain]
            assert scope.claims == len(kept)
            assert near(scope.owed, sum((c.unit * self.due[c] for c in kept), NOTHING))
            assert near(scope.spent, self.books[scope].spent(scope))
            if not self.overdrawn_at_start:
                assert scope.lacks(NOTHING, scope.spent + scope.reserved) is None

    @invariant()
    def nobody_is_forgotten(self) -> None:
        for waiting in self.waiting:
            if waiting in self.woken:
                continue
            assert waiting.at is not None
            if not waiting.at.outstanding and all(other.turn is not waiting.at for other in self.woken):
                assert waiting.at.holds_back(waiting.need, waiting.drawing), "it fits, and nothing will ever wake it"

    @invariant()
    def whoever_stands_first_does_not_fit(self) -> None:
        for scope in self.all:
            if not scope.outstanding or scope in self.eased or any(waiting.turn is scope for waiting in self.woken):
                continue
            hopeful = [parked for parked in scope.parked if not scope.lacks(parked.need, scope.spent)]
            if hopeful:
                assert scope.lacks(hopeful[0].need, scope.committed(hopeful[0].claim)), "it fits, and is not woken"

    def teardown(self) -> None:
        if not hasattr(self, "all"):
            return
        for _ in range(1000):
            self.all_try_again()
            if self.out:
                self.end([next(iter(self.out))], "reply", 0.5)
            elif self.live:
                self.live.pop().release()
            elif not self.woken:
                break
        assert not self.waiting
        for scope in self.all:
            assert (scope.outstanding, scope.reserved, scope.claims, scope.owed) == (0, NOTHING, 0, NOTHING)


def near(a: Amount, b: Amount) -> bool:
    return (a.calls, a.tokens) == (b.calls, b.tokens) and a.usd == pytest.approx(b.usd, abs=1e-9)


def test_the_ledger_adds_up_whatever_happens() -> None:
    run_state_machine_as_test(Ledger, settings=settings(QUIET, max_examples=60, stateful_step_count=50))


@pytest.mark.slow
def test_the_ledger_adds_up_whatever_happens_for_long() -> None:
    run_state_machine_as_test(Ledger, settings=settings(QUIET, max_examples=3000, stateful_step_count=80))
