from __future__ import annotations

import pytest

from orchestrator.experts.hosts import on_this_machine
from orchestrator.experts.prices import bare_models, priced, provider_of_bare_model
from orchestrator.types import Expert, Price


def test_a_known_model_gets_its_price_and_context() -> None:
    expert = priced(Expert("openai/gpt-4o-mini", "openai/gpt-4o-mini"))
    assert expert.price is not None
    assert 0 < expert.price.prompt < expert.price.completion < 1e-3
    assert expert.price.cached_prompt is not None
    assert expert.price.cached_prompt < expert.price.prompt
    assert expert.price.written_prompt == expert.price.prompt, "writing is not billed apart"
    assert expert.context == 128_000
    assert priced(Expert("gpt-4o-mini", "gpt-4o-mini")).price == expert.price


def test_what_writing_into_the_cache_costs_is_known() -> None:
    price = priced(Expert("c", "anthropic/claude-sonnet-4-5")).price
    assert price is not None
    assert price.written_prompt == pytest.approx(1.25 * price.prompt)
    free = priced(Expert("d", "deepseek/deepseek-chat")).price
    assert free is not None
    assert free.written_prompt == free.prompt, "the map has zero where nothing is billed apart"


def test_a_model_whose_reasoning_costs_more_is_priced_as_if_it_only_reasoned() -> None:
    qwen, thought = priced(Expert("e", "dashscope/qwen-plus-2025-04-28")).price, 4e-6
    assert qwen is not None
    assert qwen.completion == thought


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "mistral/mistral-embed"])
def test_an_embedder_is_priced_by_what_it_is_given_alone(model: str) -> None:
    price = priced(Expert("e", model)).price
    assert price is not None
    assert 0 < price.prompt < 1e-6
    assert price.completion == 0


def test_what_the_user_gave_stays() -> None:
    mine = Expert("e", "openai/gpt-4o-mini", price=Price(1.0, 2.0), context=9, capabilities={"system": True})
    expert = priced(mine)
    assert (expert.price, expert.context, expert.capabilities) == (Price(1.0, 2.0), 9, {"system": True})


@pytest.mark.parametrize(
    "model", ["openai/nobody-knows-this", "nosuch/gpt-4o-mini", "anthropic/gpt-4o-mini", "sample_spec"]
)
def test_an_unknown_model_stays_unpriced(model: str) -> None:
    assert priced(Expert("e", model)).price is None


@pytest.mark.parametrize(
    ("api_base", "price"),
    [
        ("http://127.0.0.1:8000/v1", Price()),
        ("http://localhost/v1", Price()),
        ("http://[::1]:8000/v1", Price()),
        ("http://0.0.0.0:1/v1", Price()),
        ("https://api.elsewhere.example/v1", None),
        ("http://10.0.0.5:8000/v1", None),
        ("http://localhost.evil.example/v1", None),
    ],
)
def test_a_server_on_this_machine_costs_nothing_and_any_other_is_unpriced(api_base: str, price: Price | None) -> None:
    assert priced(Expert("e", "openai/gpt-4o-mini", api_base=api_base)).price == price
    assert on_this_machine(api_base) == (price is not None)


def test_ollama_is_free_unless_it_was_moved_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert priced(Expert("e", "ollama_chat/qwen3:8b")).price == Price()
    monkeypatch.setenv("OLLAMA_API_BASE", "https://ollama.elsewhere.example")
    assert priced(Expert("e", "ollama_chat/qwen3:8b")).price is None


def test_other_clients_are_left_alone() -> None:
    expert = Expert("e", "openai/gpt-4o-mini", client="scripted")
    assert priced(expert) is expert


def test_bare_names_have_providers() -> None:
    assert provider_of_bare_model("gpt-4o-mini") == "openai"
    assert provider_of_bare_model("nobody-knows-this") is None
    assert "gpt-4o-mini" in bare_models()
    assert all("/" not in name for name in bare_models())


def test_models_at_bedrock_are_priced_whichever_of_its_protocols_the_map_names() -> None:
    expert = priced(Expert("b", "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"))
    assert expert.price is not None
    assert expert.price.completion > expert.price.prompt > 0
