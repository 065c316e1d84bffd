"""What experts need to be asked: backends, prices, fallbacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .budget import Budget
from .errors import ConfigError
from .protocols import Backend
from .registry import load
from .types import Expert


def backend_of(expert: Expert) -> Backend:
    """The backend that an expert's client names."""
    return load("clients", expert.client)(expert)


async def warm(experts: Iterable[Expert]) -> None:
    """Loads what takes seconds to load before the first call's time limit runs."""
    if any(expert.client == "litellm" for expert in experts):
        from .experts.litellm import warm as load

        await load()


def priced(expert: Expert) -> Expert:
    """The expert with its price, where it is known."""
    if expert.price is not None or expert.client != "litellm":
        return expert
    from .experts.prices import priced as looked_up

    return looked_up(expert)


def fallbacks_of(experts: Sequence[Expert]) -> dict[str, Expert]:
    """By expert id, the expert asked instead when it is lost."""
    by_id = {expert.id: expert for expert in experts}
    missing = [e for e in experts if e.fallback is not None and e.fallback not in by_id]
    if missing:
        raise ConfigError(
            f"expert '{missing[0].id}' names the fallback '{missing[0].fallback}', which is not in the pool"
        )
    return {expert.id: by_id[expert.fallback] for expert in experts if expert.fallback is not None}


def check_prices(budget: Budget, experts: Sequence[Expert]) -> None:
    """Raises:
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
