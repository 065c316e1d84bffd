"""No call is billed more than was set aside for it, whatever prices are and however a server tells its tokens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.entries import shares
from orchestrator.engine.flight import Bounds
from orchestrator.experts.replies import response_of
from orchestrator.types import Expert, Price, PriceTier
from tests.experts.serving import batch, completion

LONG = "word " * 400
"""More bytes than the shortest prompt has tokens that any provider caches."""

usd = st.floats(0, 1e-3, allow_nan=False)
tiers = st.builds(PriceTier, usd, usd, st.none() | usd, st.none() | usd, st.integers(0, 3000))
prices = st.builds(Price, usd, usd, st.none() | usd, st.none() | usd, usd, st.lists(tiers, max_size=3).map(tuple))


@st.composite
def usages(draw: st.DrawFn, bound: int, most: int) -> dict[str, Any]:
    """What a server may tell that keeps to its caps; what is cached counts as part of the prompt, or beside it."""
    prompt = draw(st.integers(1, bound))
    read = draw(st.integers(0, prompt)) if prompt >= 512 else 0
    written = draw(st.integers(0, prompt - read)) if prompt >= 512 else 0
    beside = draw(st.booleans()) and read + written > prompt - read - written
    return {
        "prompt_tokens": prompt - read - written if beside else prompt,
        "completion_tokens": draw(st.integers(1, most)),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }


@given(prices, st.lists(st.integers(1, 300), min_size=1, max_size=4), st.data())
def test_each_sample_and_the_call_cost_no_more_than_was_set_aside(
    price: Price, sizes: list[int], data: st.DataObject
) -> None:
    asked = batch(*range(len(sizes)), text=LONG, max_tokens=50)
    expert = Expert("e", "openai/m", price=price)
    worst = [Bounds().worst(request, expert) for request in asked]
    usage = data.draw(usages(worst[0].tokens - 50, 50 * len(sizes)))
    raw = completion(*({"content": "x" * size} for size in sizes), usage=usage)
    response, _ = response_of(raw, expert, asked, ())
    paid = shares(response.bill, response.completions)
    assert sum(share.usd for share in paid) == pytest.approx(response.bill.usd)
    assert response.bill.usd <= sum(each.usd for each in worst) * (1 + 1e-9)
    for reply, share, each in zip(response.completions, paid, worst, strict=True):
        assert max(reply.tokens.usd, share.usd) <= each.usd * (1 + 1e-9)
        assert reply.tokens.prompt + reply.tokens.completion <= each.tokens
