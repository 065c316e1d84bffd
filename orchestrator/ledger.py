"""The ledger: nested scopes with caps, reservations made before a call leaves, settlements after.

Two meters. A scope that counts what was *used* (problem, strategy, delegate) takes each sample as if it had been asked
alone, whether it came fresh, from a journal or from another's identical request. A scope that counts what was *paid*
(run, preset, API key) takes attempts that left, as billed.

Nothing here waits or knows a clock: whoever is held back parks a callback on the scope that holds it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from .budget import Budget
from .errors import BudgetExceeded
from .types import Tokens

_SLACK = 1 + 1e-9
"""Sums of floats may exceed a cap by rounding, never by more."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What a call takes from a scope."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)

    def __mul__(self, k: int) -> Amount:
        return Amount(self.calls * k, self.tokens * k, self.usd * k)

    @classmethod
    def of(cls, tokens: Tokens, calls: int = 1) -> Amount:
        return cls(calls, tokens.prompt + tokens.completion, tokens.usd)


NOTHING = Amount()


@dataclass(order=True, slots=True)
class _Parked:
    priority: tuple[int, ...]
    number: int
    need: Amount = field(compare=False)
    wake: Callable[[], None] = field(compare=False)


@dataclass(slots=True, eq=False)
class Scope:
    """One level of caps.

    Args:
        name: unique within a run; attempts that were charged without a reply are found under it on resume.
        budget: the caps; `seconds` is the affair of whoever opens the scope.
        parent: the scope around it.
        paid: counts what was paid instead of what was used.
        spent: what is spent already, after a resume.
    """

    name: str
    budget: Budget = field(default_factory=Budget)
    parent: Scope | None = None
    paid: bool = False
    spent: Amount = NOTHING
    reserved: Amount = NOTHING
    owed: Amount = NOTHING
    """Calls that started branches will still make."""
    outstanding: int = 0
    """Reservations that are not settled."""
    claims: int = 0
    over: bool = False
    """Its seconds have passed: it admits nothing more."""
    chain: tuple[Scope, ...] = field(init=False)
    """This scope and those around it, leaf to root."""
    _parked: list[_Parked] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.chain = (self, *(self.parent.chain if self.parent else ()))

    # -- room ---------------------------------------------------------------------------

    def lacks(self, need: Amount, committed: Amount) -> tuple[str, float, float] | None:
        """(dimension, cap, smallest cap that would do) of the first cap that `committed` + `need` breaks."""
        for dimension, cap in self.caps():
            total = getattr(committed, dimension) + getattr(need, dimension)
            if total > cap * _SLACK:
                return dimension, cap, total
        return None

    def caps(self) -> Iterable[tuple[str, float]]:
        budget = self.budget
        if budget.calls is not None:
            yield "calls", budget.calls
        if budget.tokens is not None:
            yield "tokens", budget.tokens
        if budget.usd is not None:
            yield "usd", budget.usd

    def left(self) -> Budget:
        """The budget that is neither spent nor reserved, never below zero."""
        gone = self.spent + self.reserved
        rest = {dimension: max(0.0, cap - getattr(gone, dimension)) for dimension, cap in self.caps()}
        return Budget(
            calls=int(rest["calls"]) if "calls" in rest else None,
            tokens=int(rest["tokens"]) if "tokens" in rest else None,
            usd=rest.get("usd"),
            seconds=self.budget.seconds,
        )

    def refuse(self, need: Amount) -> None:
        """Raises:
        BudgetExceeded: `need` would not fit even if everything reserved came back unspent.
        """
        if self.over:
            raise self._late()
        if lack := self.lacks(need, self.spent):
            raise BudgetExceeded(self.name, *lack)

    def close(self) -> BudgetExceeded:
        """Its seconds have passed; returns what to raise, and wakes whoever is parked here to hear it."""
        self.over = True
        woken, self._parked = self._parked, []
        for parked in sorted(woken):
            parked.wake()
        return self._late()

    def _late(self) -> BudgetExceeded:
        seconds = self.budget.seconds or 0.0
        return BudgetExceeded(self.name, "seconds", seconds, seconds)

    # -- waiting ------------------------------------------------------------------------

    def park(self, priority: tuple[int, ...], need: Amount, wake: Callable[[], None]) -> None:
        """Has `wake` called once `need` may fit, or never can."""
        heapq.heappush(self._parked, _Parked(priority, next(self._numbers), need, wake))

    def stir(self) -> None:
        """Wakes, best priority first, those that fit into what is free now, and those that never will fit."""
        room = self.spent + self.reserved
        woken = []
        while self._parked:
            first = self._parked[0]
            never = self.lacks(first.need, self.spent) is not None
            if not never and self.outstanding and self.lacks(first.need, room):
                break
            woken.append(heapq.heappop(self._parked))
            if not never:
                room += first.need
        for parked in woken:
            parked.wake()


@dataclass(slots=True, eq=False)
class Reservation:
    """The worst case of one sample, set aside on a chain of scopes until `settle`."""

    chain: tuple[Scope, ...]
    worst: Amount
    settled: bool = False

    def settle(self, used: Amount, paid: Amount) -> None:
        """Puts what it came to in place of the worst case; a second call does nothing."""
        if self.settled:
            return
        self.settled = True
        for scope in self.chain:
            scope.outstanding -= 1
            scope.reserved = scope.reserved - self.worst if scope.outstanding else NOTHING
            scope.spent += paid if scope.paid else used
        for scope in self.chain:
            scope.stir()

    def refund(self) -> None:
        """Nothing was generated."""
        self.settle(NOTHING, NOTHING)

    def charge(self) -> None:
        """Nobody knows what was generated: the worst case is spent."""
        self.settle(self.worst, self.worst)


# -- claims -----------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Claim:
    """Room kept for the calls that one started branch still has to make."""

    chain: tuple[Scope, ...]
    unit: Amount
    calls: int

    def draw(self) -> None:
        """One of the calls is reserved now, and no longer owed."""
        if self.calls > 0:
            self.calls -= 1
            self._give_back(self.unit)

    def release(self) -> None:
        """The branch has ended."""
        if self.calls < 0:
            return
        rest, self.calls = self.unit * self.calls, -1
        for scope in self.chain:
            scope.claims -= 1
        self._give_back(rest)
        for scope in self.chain:
            scope.stir()

    def _give_back(self, amount: Amount) -> None:
        for scope in self.chain:
            scope.owed = scope.owed - amount if scope.claims else NOTHING


def claim(chain: tuple[Scope, ...], calls: int, unit: Amount) -> Claim | Scope:
    """Keeps room for a branch of `calls` calls, on top of what is spent, reserved and owed to earlier branches.

    Returns:
        The claim, or the scope that holds it back until a call settles or a branch ends there.

    Raises:
        BudgetExceeded: nothing is under way that could make room.
    """
    need = unit * calls
    for scope in chain:
        if lack := scope.lacks(need, scope.spent + scope.reserved + scope.owed):
            if scope.outstanding == 0 and scope.claims == 0:
                raise BudgetExceeded(scope.name, *lack)
            return scope
    for scope in chain:
        scope.owed += need
        scope.claims += 1
    return Claim(chain, unit, calls)


# -- the two ways in --------------------------------------------------------------------


def reserve(chain: Iterable[Scope], worst: Amount, claim: Claim | None = None) -> Reservation | Scope:
    """Sets `worst` aside on all scopes at once, or on none.

    A call that draws on a claim may use the room kept for it; any other leaves alone what is owed to started branches.

    Returns:
        The reservation, or the scope that holds it back until something settles there.

    Raises:
        BudgetExceeded: a scope can never admit it.
    """
    scopes = tuple(chain)
    for scope in scopes:
        scope.refuse(worst)
    drawing = claim is not None and claim.calls > 0
    for scope in scopes:
        committed = scope.spent + scope.reserved
        if scope.lacks(worst, committed if drawing else committed + scope.owed):
            return scope
    for scope in scopes:
        scope.reserved += worst
        scope.outstanding += 1
    if claim is not None:
        claim.draw()
    return Reservation(scopes, worst)


def charge(chain: Iterable[Scope], used: Amount, claim: Claim | None = None) -> Scope | None:
    """Counts a reply that cost nothing now (a journal's, or another's) on the scopes that meter use.

    Returns:
        `None` when it is counted, else the scope that holds it back.

    Raises:
        BudgetExceeded: a scope can never admit it.
    """
    held = reserve((scope for scope in chain if not scope.paid), used, claim)
    if isinstance(held, Scope):
        return held
    held.settle(used, NOTHING)
    return None


@dataclass(frozen=True, slots=True)
class Losses:
    """What earlier processes of a run paid without getting a reply, by scope name."""

    by_scope: Mapping[str, Amount] = field(default_factory=dict)

    def of(self, name: str) -> Amount:
        return self.by_scope.get(name, NOTHING)
