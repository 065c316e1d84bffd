"""How a problem is solved: a strategy, what checks its candidates, and what chooses among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .protocols import Aggregator, Strategy, Verifier
from .registry import build


@dataclass(frozen=True, slots=True)
class Contestant:
    """Strategy x verifier x aggregator."""

    name: str
    """The strategy's spec, as results show it."""
    strategy: Strategy
    verifier: Verifier | None
    aggregator: Aggregator
    own: bool = False
    """Whether the aggregator is the one that the strategy names: then a smaller form of it names its own."""

    def with_form(self, form: Strategy) -> Contestant:
        """The same with a smaller form of the strategy."""
        if not self.own:
            return replace(self, strategy=form)
        named: str = getattr(form, "aggregator", "majority")
        return replace(self, strategy=form, aggregator=build("aggregators", named))
