"""Every strategy against a server that refuses settings and bills hidden reasoning, over real HTTP."""

from collections.abc import Awaitable, Callable

import pytest

from orchestrator.solve import asolve
from orchestrator.types import Expert
from tests.double import Double, Thinking


@pytest.mark.parametrize(
    "strategy", ["cot", "self_consistency(samples=6)", "self_consistency(stop=asc)", "best_of_n(samples=6)"]
)
async def test_it_finishes_and_truncations_are_counted(strategy: str, double: Callable[..., Awaitable[Double]]) -> None:
    server = await double(
        rejects={"temperature", "stop", "max_tokens"}, reasoning=Thinking(0.5, 64), answers={"42": 0.8, "41": 0.2}
    )
    expert = Expert("openai/thinker", "openai/thinker", api_base=server.base_url)
    out = await asolve("What is six times seven?", kind="number", experts=[expert], strategy=strategy)
    assert out.stopped_by in ("done", "failed")
    assert out.usage.calls == server.stats.delivered.samples
    assert out.usage.reasoning_tokens > 0
    assert (out.answer is not None) == any(scored.candidate.key for scored in out.candidates)
    if "samples=6" in strategy:
        assert len(out.candidates) + out.usage.truncated == 6
