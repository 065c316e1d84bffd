"""Caps as a server counts them, over real HTTP and with faults: lost attempts count too."""

from collections.abc import Awaitable, Callable

import pytest

from orchestrator.budget import Budget
from orchestrator.solve import Orchestrator
from orchestrator.types import Expert, Price, Sampling
from tests.double import Double

FAULTS = {"reset": 0.15, "truncated": 0.1, "empty": 0.1, "invalid_json": 0.1, "500": 0.1, "429-ms": 0.05}
DEAR = Price(0.0001, 0.0002)


@pytest.mark.parametrize("seed", range(1))
@pytest.mark.parametrize("cap", [Budget(calls=30), Budget(tokens=6000), Budget(usd=0.8)])
async def test_the_server_never_bills_more_than_the_wallet_holds(
    cap: Budget, seed: int, double: Callable[..., Awaitable[Double]]
) -> None:
    server = await double(seed=seed, faults=FAULTS, answers={"1": 0.6, "2": 0.4}, max_faults=2)
    expert = Expert(
        "openai/m", "openai/m", api_base=server.base_url, price=DEAR, sampling=Sampling(max_tokens=100, seed=7)
    )
    async with Orchestrator(experts=[expert], budget=cap) as orchestrator:
        outcomes = [
            await orchestrator.solve(f"Question number {i}?", kind="number", strategy="self_consistency(samples=8)")
            for i in range(6)
        ]
    billed = server.stats.billed
    if cap.calls is not None:
        assert billed.samples <= cap.calls
    if cap.tokens is not None:
        assert billed.tokens <= cap.tokens
    if cap.usd is not None:
        assert DEAR.of(billed.prompt, billed.completion) <= cap.usd
    assert outcomes[0].answer is not None
    cut = [outcome for outcome in outcomes if outcome.stopped_by == "budget"]
    assert cut
    assert all(outcome.reason.startswith("budget of run ended") for outcome in cut)
