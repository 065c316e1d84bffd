"""What tests of the ledger do again and again."""

from collections.abc import Callable

from orchestrator.ledger import Amount, Claim, Reservation, Scope, claim, reserve


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
