"""Whether the end of a budget cut something off, so that what is there should be put forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import BudgetExceeded

if TYPE_CHECKING:
    from orchestrator.run import Run


def cut_off(error: BaseException, run: Run) -> bool:
    """Whether a budget is behind it: seconds that are over arrive as a cancellation."""
    return isinstance(error, BudgetExceeded) or any(scope.over for scope in run.scope.chain)
