"""A cap on money needs every price, wherever it is set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator import Orchestrator
from orchestrator.budget import Budget
from orchestrator.errors import ConfigError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.ledger import check_prices
from orchestrator.run import Run
from orchestrator.types import Expert, Price, Problem
from tests.run.stage import play

PRICED = Expert("priced", "m", price=Price(1.0, 2.0))
UNPRICED = Expert("unpriced", "m")


def test_the_expert_without_a_price_is_named() -> None:
    with pytest.raises(ConfigError, match="price of 'unpriced'"):
        check_prices(Budget(usd=1), [PRICED, UNPRICED])


def test_other_caps_need_no_price() -> None:
    check_prices(Budget(calls=1, tokens=1, seconds=1), [UNPRICED])
    check_prices(Budget(usd=1), [PRICED])


def test_a_delegate_is_refused_in_the_words_of_the_wallet() -> None:
    async def delegating(run: Run) -> None:
        async def nothing(problem: Problem, run: Run) -> None:
            raise AssertionError("it must not begin")

        await run.delegate(nothing, budget=Budget(usd=1))

    unpriced = replace(ScriptedExpert(lambda request: "4", id="unpriced").value, price=None)
    inside = play(delegating, unpriced).error
    with pytest.raises(ConfigError) as outside:
        Orchestrator(experts=[UNPRICED], budget=Budget(usd=1))
    assert str(inside) == str(outside.value)
