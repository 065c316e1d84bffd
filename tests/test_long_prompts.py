"""Prices that rise with the length of a prompt, from the cap to the bill, over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from orchestrator import Budget, Expert, Orchestrator, Outcome, Price, PriceTier
from orchestrator.types import Sampling
from tests.double import Double

Doubles = Callable[..., Awaitable[Double]]
PRICE = Price(1e-6, 4e-6, tiers=(PriceTier(3e-6, 8e-6, above=1000),))
SHORT, LONG = "word " * 600, "word " * 1600
"""Of more than a thousand bytes each, but only one of more than a thousand tokens."""


async def solved(server: Double, question: str, usd: float) -> Outcome:
    expert = Expert(
        "e", "openai/m", client="direct", api_base=server.base_url, price=PRICE, sampling=Sampling(max_tokens=100)
    )
    async with Orchestrator(experts=[expert], budget=Budget(usd=usd)) as orchestrator:
        return await orchestrator.solve(question, strategy="cot")


@pytest.mark.parametrize("question", [SHORT, LONG], ids=["short", "long"])
async def test_a_call_is_billed_by_the_length_that_the_server_counted(double: Doubles, question: str) -> None:
    server = await double(rules={".": "Done."})
    outcome = await solved(server, question, usd=1.0)
    tally = server.stats.billed
    assert outcome.stopped_by == "done"
    assert (tally.prompt > 1000) is (question is LONG)
    assert outcome.usage.paid_usd == pytest.approx(PRICE.of(tally.prompt, tally.completion))


async def test_a_call_that_may_be_long_needs_room_for_the_prices_of_long_ones(double: Doubles) -> None:
    server = await double(rules={".": "Done."})
    cheap = len(SHORT) * 1e-6 * 1.5
    assert PRICE.most(len(SHORT), 100) > cheap
    outcome = await solved(server, SHORT, usd=cheap)
    assert (outcome.stopped_by, server.stats.billed.samples) == ("budget", 0)
    assert "usd=" in outcome.reason
