"""Claims: room kept for the calls that started branches still have to make.

Without them branches that advance in lockstep would spend a cap on their first calls, and none would come to its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from .amount import NOTHING, Amount
from .scope import Scope


@dataclass(slots=True, eq=False)
class Claim:
    """Room kept for the calls that one started branch still has to make."""

    chain: tuple[Scope, ...]
    unit: Amount
    calls: int
    """Still owed; -1 once the branch has ended."""
    outer: Claim | None = None
    """That of the branch around it, which covers other scopes."""

    def covers(self, scope: Scope) -> bool:
        """Whether a call of this branch is owed room in `scope`."""
        if self.calls > 0 and scope in self.chain:
            return True
        return self.outer is not None and self.outer.covers(scope)

    def spans(self, scope: Scope) -> bool:
        """Whether calls of this branch were counted in `scope` when it started."""
        return scope in self.chain or (self.outer is not None and self.outer.spans(scope))

    def draw(self) -> tuple[Claim, ...]:
        """One of the calls is reserved now, and no longer owed; returns the claims that owed it."""
        others = self.outer.draw() if self.outer is not None else ()
        if self.calls <= 0:
            return others
        self.calls -= 1
        self._forgive(self.unit)
        return (self, *others)

    def owe(self) -> None:
        """A call that was drawn came to nothing, so it is owed again."""
        if self.calls < 0:
            return
        self.calls += 1
        for scope in self.chain:
            scope.owed += self.unit

    def release(self) -> None:
        """The branch has ended."""
        if self.calls < 0:
            return
        rest, self.calls = self.unit * self.calls, -1
        for scope in self.chain:
            scope.claims -= 1
        self._forgive(rest)
        for scope in self.chain:
            scope.stir()

    def _forgive(self, amount: Amount) -> None:
        for scope in self.chain:
            scope.owed = scope.owed - amount if scope.claims else NOTHING


@dataclass(slots=True, eq=False)
class Common(Claim):
    """For calls of work that started branches may wait for: all that is owed to them is theirs to use.

    A call that left alone what is owed to whoever waits for it would wait for its own waiter.
    """

    def covers(self, scope: Scope) -> bool:
        return True

    def spans(self, scope: Scope) -> bool:
        return True


def common(outer: Claim | None) -> Claim:
    """What work may use that is done once for all branches, by the branch of `outer` or by nobody's."""
    return Common((), NOTHING, 0, outer)


def claim(
    chain: tuple[Scope, ...],
    calls: int,
    unit: Amount,
    *,
    least: Amount = NOTHING,
    outer: Claim | None = None,
    priority: tuple[int, ...] | None = None,
) -> Claim | Scope:
    """Keeps room for a branch of `calls` calls, on top of what is spent, reserved and owed to earlier branches.

    Args:
        chain: the scopes that keep it; those that `outer` covers are not among them.
        unit: what one call is taken to need.
        least: what must be free in any case, since even one call reserves its worst case.
        priority: of the branch, which then leaves alone what somebody of a better one waits for.

    Returns:
        The claim, or the scope that holds it back until a call settles or a branch ends there.

    Raises:
        BudgetExceeded: nothing is under way that could make room.
    """
    need = (unit * calls).or_more(least)
    for scope in chain:
        if scope.holds_back(need, priority=priority):
            return scope
    for scope in chain:
        scope.owed += unit * calls
        scope.claims += 1
    return Claim(chain, unit, calls, outer)
