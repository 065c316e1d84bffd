"""Reservations: the worst case of a call set aside before it leaves, and what it came to put in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .amount import NOTHING, Amount
from .scope import Scope

if TYPE_CHECKING:
    from .claim import Claim


@dataclass(slots=True, eq=False)
class Reservation:
    """The worst case of one sample, set aside on a chain of scopes until it is settled, once."""

    chain: tuple[Scope, ...]
    worst: Amount
    drawn: tuple[Claim, ...] = ()
    """The claims that owed this call."""
    settled: bool = False

    def settle(self, used: Amount, paid: Amount) -> None:
        """The reply came: puts what it came to in place of the worst case."""
        self._end(used, paid, owed_again=False)

    def spoil(self, taken: Amount) -> None:
        """Something was generated that nobody can use, and the call is still to be made."""
        self._end(taken, taken, owed_again=True)

    def refund(self) -> None:
        """Nothing was generated, and the call is still to be made."""
        self._end(NOTHING, NOTHING, owed_again=True)

    def charge(self) -> None:
        """Nobody knows what was generated: the worst case is spent, and the call is still to be made."""
        self._end(self.worst, self.worst, owed_again=True)

    def _end(self, used: Amount, paid: Amount, owed_again: bool) -> None:
        if self.settled:
            return
        self.settled = True
        for scope in self.chain:
            scope.outstanding -= 1
            scope.reserved = scope.reserved - self.worst if scope.outstanding else NOTHING
            scope.spent += paid if scope.paid else used
        for claim in self.drawn if owed_again else ():
            claim.owe()
        for scope in self.chain:
            scope.stir()


def reserve(
    chain: Iterable[Scope], worst: Amount, claim: Claim | None = None, priority: tuple[int, ...] | None = None
) -> Reservation | Scope:
    """Sets `worst` aside on all scopes at once, or on none.

    A call that draws on a claim may use the room kept for it; any other leaves alone what is owed to started branches
    and, where it has a priority, what somebody of a better one waits for.

    Returns:
        The reservation, or the scope that holds it back until something settles there.

    Raises:
        BudgetExceeded: a scope cannot admit it, and nothing is under way that could make room.
    """
    scopes = tuple(chain)
    for scope in scopes:
        if scope.holds_back(worst, claim, priority):
            return scope
    for scope in scopes:
        scope.reserved += worst
        scope.outstanding += 1
    return Reservation(scopes, worst, claim.draw() if claim is not None else ())


def charge(chain: Iterable[Scope], used: Amount, claim: Claim | None = None) -> Scope | None:
    """Counts a reply that cost nothing now (a journal's, or another's) on the scopes that meter use.

    Returns:
        `None` when it is counted, else the scope that holds it back.

    Raises:
        BudgetExceeded: as for `reserve`.
    """
    held = reserve((scope for scope in chain if not scope.paid), used, claim)
    if isinstance(held, Scope):
        return held
    held.settle(used, NOTHING)
    return None
