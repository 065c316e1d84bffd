"""Which of several failures is told."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import BudgetExceeded, ExpertError, Stopped


def plain(error: Exception) -> Exception:
    """The failure inside the groups of a strategy's own TaskGroups; the group itself where there is worse in it."""
    if not isinstance(error, ExceptionGroup):
        return error
    inside = [plain(one) for one in error.exceptions]
    if not all(isinstance(one, Stopped | BudgetExceeded | ExpertError) for one in inside):
        return error
    return min(inside, key=lambda one: (isinstance(one, ExpertError), isinstance(one, BudgetExceeded)))


def first(errors: Sequence[Exception]) -> Exception:
    """The first in order, but before all one that says the run was stopped: nothing else may count as a result then."""
    return next((error for error in errors if isinstance(error, Stopped)), errors[0])
