"""Whose provider keeps the beginnings of prompts, and for whom one call goes before the others."""

from dataclasses import replace

import pytest

from orchestrator.experts.prefix_caches import LEAST, prefix_cache_of
from orchestrator.experts.prices import priced
from orchestrator.types import Expert, PrefixCache, Price

CHEAPER = Price(3e-6, 15e-6, 0.3e-6)


def of(model: str, **fields: object) -> PrefixCache | None:
    return prefix_cache_of(priced(Expert(model, model, **fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "deepseek/deepseek-chat", "gemini/gemini-2.5-flash"])
def test_hosted_ones_that_read_for_less_keep_it_without_a_mark(model: str) -> None:
    cache = of(model)
    assert cache is not None
    assert (cache.marked, cache.least >= LEAST, cache.seconds) == (False, True, 300)


@pytest.mark.parametrize(
    "model",
    [
        "anthropic/claude-sonnet-4-5",
        "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "vertex_ai/claude-sonnet-4-5",
    ],
)
def test_claude_keeps_what_is_marked_wherever_it_is_hosted(model: str) -> None:
    cache = of(model)
    assert cache is not None
    assert cache.marked


def test_the_shortest_beginning_is_as_long_as_its_provider_says() -> None:
    cache = of("anthropic/claude-haiku-4-5")
    assert cache is not None
    assert cache.least == 4096


@pytest.mark.parametrize(
    "expert",
    [
        Expert("near", "openai/m", api_base="http://127.0.0.1:8000/v1"),
        Expert("office", "openai/m", api_base="http://gpu.lan:8000/v1"),
        Expert("ollama", "ollama_chat/qwen3:8b"),
        Expert("free", "openai/m", api_base="http://127.0.0.1:8000/v1", price=Price()),
        Expert("unknown", "openai/m", api_base="https://models.example.com/v1"),
        Expert("dear", "openai/m", api_base="https://models.example.com/v1", price=Price(3e-6, 15e-6)),
        Expert("off", "openai/gpt-4o-mini", price=CHEAPER, prefix_cache="off"),
        Expert("blind", "anthropic/claude-sonnet-4-5", price=Price(3e-6, 15e-6), prefix_cache="on"),
    ],
    ids=lambda expert: str(expert.id),
)
def test_nobody_waits_for_a_first_call_where_it_saves_nothing_or_is_not_wanted(expert: Expert) -> None:
    assert prefix_cache_of(expert) is None


def test_a_gateway_whose_price_tells_or_that_is_switched_on_has_one() -> None:
    gateway = Expert("gateway", "openai/m", api_base="https://models.example.com/v1", price=CHEAPER)
    assert prefix_cache_of(gateway) == PrefixCache()
    assert prefix_cache_of(replace(gateway, price=None, prefix_cache="on")) == PrefixCache()
    near = replace(gateway, api_base="http://127.0.0.1:4000/v1")
    assert prefix_cache_of(near) == PrefixCache(), "a price that tells is that of a provider behind it"
    assert prefix_cache_of(replace(near, price=None, prefix_cache="on")) == PrefixCache()
    assert of("ollama_chat/qwen3:8b", prefix_cache="on") == PrefixCache()
