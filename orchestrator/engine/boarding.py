"""Who bears what an attempt may cost: reservations for those who wait for a flight."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import Amount, Scope, reserve

from .flight import Flight, Waiter


def lead(flight: Flight) -> list[tuple[Waiter, Scope]]:
    """Finds the waiter whose scopes bear the attempt; returns those that are held back meanwhile."""
    flight.leader = None
    held: list[tuple[Waiter, Scope]] = []
    for waiter in sorted(flight.wanted, key=lambda w: w.seat.priority):
        try:
            got = reserve(waiter.seat.scope.chain, flight.worst, waiter.seat.claim, waiter.seat.priority)
        except BudgetExceeded as refusal:
            waiter.result.set_exception(refusal)
            continue
        if isinstance(got, Scope):
            held.append((waiter, got))
            continue
        waiter.reservation, flight.leader = got, waiter
        break
    return held


def join(flight: Flight, waiter: Waiter) -> None:
    """Reserves for a waiter of an attempt that another pays, where there is room; else it counts the reply later."""
    chain = tuple(scope for scope in waiter.seat.scope.chain if not scope.paid)
    try:
        got = reserve(chain, flight.worst, waiter.seat.claim)
    except BudgetExceeded:
        return
    if not isinstance(got, Scope):
        waiter.reservation = got


def admitted(flight: Flight) -> bool:
    """Whether the scopes of one who waits for a flight would bear it now."""
    return any(_bears(waiter, flight.worst) for waiter in flight.wanted)


def _bears(waiter: Waiter, worst: Amount) -> bool:
    seat = waiter.seat
    try:
        return not any(scope.holds_back(worst, seat.claim, seat.priority) for scope in seat.scope.chain)
    except BudgetExceeded:
        return False


def tokens_of(group: Iterable[Flight]) -> int:
    """The worst case of a group in tokens, for the token throttle."""
    return sum((flight.worst for flight in group), start=Amount()).tokens
