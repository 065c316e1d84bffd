"""How many calls a contestant makes, and its largest form that a cap on calls covers."""

from __future__ import annotations

from bisect import bisect_right

from .contestant import Contestant
from .errors import BudgetExceeded
from .ledger import Scope
from .protocols import Embeds, Fits, estimates, estimates_over
from .types import Estimate, Problem


def fitted(
    contestant: Contestant, problem: Problem, scope: Scope, experts: int, *, embedder: bool = False
) -> Contestant:
    """With the largest form of the strategy whose calls, with its verifier's and aggregator's, the caps cover.

    Raises:
        BudgetExceeded: not even its smallest form fits.
    """
    strategy, calls = contestant.strategy, _calls_left(scope)
    if calls is None or not estimates(strategy):
        return contestant
    whole = estimated(contestant, problem, experts, embedder=embedder)
    if whole is None or whole.most <= calls or not isinstance(strategy, Fits):
        return contestant

    def total(rung: int) -> int:
        """Calls of the largest form within `rung` calls, with its check and choice; 0 where there is none."""
        form = strategy.fit(rung, problem, experts)
        if form is None:
            return 0
        of_form = estimated(contestant.with_form(form), problem, experts, embedder=embedder)
        return of_form.most if of_form is not None else 0

    rungs = range(1, calls + 1)
    form = strategy.fit(bisect_right(rungs, calls, key=total), problem, experts)
    if form is None:
        smallest = next(filter(None, map(total, range(1, strategy.estimate(problem, experts).most))), whole.most)
        raise BudgetExceeded(scope.name, "calls", calls, smallest)
    return contestant.with_form(form)


def candidates_of(contestant: Contestant, problem: Problem, experts: int) -> int:
    """How many candidates may come; two where the strategy cannot tell."""
    if not estimates(strategy := contestant.strategy):
        return 2
    estimate = strategy.estimate(problem, experts)
    return estimate.most if estimate.candidates is None else estimate.candidates


def checked_of(contestant: Contestant, candidates: int) -> int:
    """How many of so many candidates are checked: what an aggregator writes itself is checked too."""
    return candidates + (candidates > 1 and getattr(contestant.aggregator, "writes", False))


def estimated(contestant: Contestant, problem: Problem, experts: int, *, embedder: bool = False) -> Estimate | None:
    """Calls of the strategy and of what checks and chooses among its candidates; `None` where it cannot tell.

    Args:
        embedder: the role is given, so that calls to it are counted too.
    """
    if not estimates(strategy := contestant.strategy):
        return None
    estimate = strategy.estimate(problem, experts)
    candidates = candidates_of(contestant, problem, experts)
    parts: tuple[tuple[object, int], ...] = (
        (contestant.verifier, checked_of(contestant, candidates)),
        (contestant.aggregator, candidates),
    )
    for part, number in parts:
        if estimates_over(part):
            estimate += part.estimate_over(problem, experts, number)
        elif estimates(part):
            estimate += part.estimate(problem, experts)
    for user in (contestant.strategy, contestant.verifier, contestant.aggregator) if embedder else ():
        if isinstance(user, Embeds):
            estimate += user.embeddings(problem, candidates)
    return estimate


def _calls_left(scope: Scope) -> int | None:
    """Calls left of the problem's own scope; caps around it are shared and say nothing about one problem."""
    return scope.left().calls
