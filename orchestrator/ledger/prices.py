"""A cap on money is worth nothing where a price is not known."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.budget import Budget
from orchestrator.errors import ConfigError
from orchestrator.types import Expert


def check_prices(budget: Budget, experts: Sequence[Expert]) -> None:
    """Refuses a cap that could not hold.

    Raises:
        ConfigError: money is capped, and what an expert costs is not known.
    """
    if budget.usd is None:
        return
    for expert in experts:
        if expert.price is None:
            raise ConfigError(
                f"a usd cap needs the price of '{expert.id}': set price = {{prompt = ..., completion = ...}} "
                "(US dollars per million tokens) in its pool entry, or drop the usd cap"
            )
