"""Prices out of litellm's cost map, held against what litellm itself makes of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.experts.channel import library
from orchestrator.experts.price_list import listed_price
from orchestrator.experts.prices import listing, priced
from orchestrator.types import Expert, Price, PriceTier, Sampling

Entry = Mapping[str, Any]
CHAT = ("chat", "completion", "responses", "embedding")
CALLS = ((1000, 500, 0, 0), (100_001, 10, 0, 0), (200_000, 100, 1000, 0), (300_001, 100, 200_000, 50_000))
"""Tokens of the prompt, of the reply, of the prompt those read from a cache, and those written into one."""
FAMILIES: dict[str, Callable[[str], object]] = {
    "by length": re.compile(r"input_cost_per_token_above_\d+k_tokens").fullmatch,
    "by length, priority": re.compile(r"input_cost_per_token_above_\d+k_tokens_priority").fullmatch,
    "by length, flex": re.compile(r"input_cost_per_token_above_\d+k_tokens_flex").fullmatch,
    "by length, a list": re.compile("tiered_pricing").fullmatch,
    "reading a cache, by length": re.compile(r"cache_read_input_token_cost_above_\d+k_tokens").fullmatch,
    "writing a cache, by length": re.compile(r"cache_creation_input_token_cost_above_\d+k_tokens").fullmatch,
    "priority": re.compile("input_cost_per_token_priority").fullmatch,
    "flex": re.compile("input_cost_per_token_flex").fullmatch,
    "ultrafast": re.compile("input_cost_per_token_ultrafast").fullmatch,
    "batches": re.compile("input_cost_per_token_batches").fullmatch,
    "thought": re.compile("output_cost_per_reasoning_token").fullmatch,
    "kept for an hour": re.compile("cache_creation_input_token_cost_above_1hr").fullmatch,
    "audio": re.compile("input_cost_per_audio_token").fullmatch,
    "images": re.compile("input_cost_per_image").fullmatch,
    "plain": re.compile("input_cost_per_token").fullmatch,
}


def dearer_thought(entry: Entry) -> bool:
    tables = [entry, *entry.get("tiered_pricing", ())]
    return any((t.get("output_cost_per_reasoning_token") or 0) > (t.get("output_cost_per_token") or 0) for t in tables)


def cheap_to_write(entry: Entry) -> bool:
    written = [
        usd for key, usd in entry.items() if key.startswith("cache_creation_input_token_cost") and "1hr" not in key
    ]
    return bool(written) and min(written) < max(
        usd for key, usd in entry.items() if key.startswith("input_cost_per_tok")
    )


def untold_length(entry: Entry) -> bool:
    """Something has a price for long prompts, and what a cache gives or takes, or another service, has none."""
    lengths = {found[1] for key in entry if (found := re.fullmatch(r"input_cost_per_token_above_(\d+k)_tokens", key))}
    kinds = ("cache_read_input_token_cost", "cache_creation_input_token_cost")
    served = [kind + tier for kind in ("input_cost_per_token", "output_cost_per_token", *kinds) for tier in SERVED]
    plain = any(k in entry and f"{k}_above_{n}_tokens" not in entry for k in kinds for n in lengths)
    return plain or any(
        k in entry and re.sub(r"(_[a-z]+)$", rf"_above_{n}_tokens\1", k) not in entry for k in served for n in lengths
    )


SERVED = ("_priority", "_flex", "_ultrafast")
WHY_DEARER: dict[str, Callable[[Entry], bool]] = {
    "thought is taken to be all of a reply": dearer_thought,
    "what is written into a cache costs no less than what is not": cheap_to_write,
    "what the map does not say of long prompts grows with the rest": untold_length,
    "less at some hours": lambda entry: "off_peak_pricing" in entry,
    "litellm reckons in another way for that provider": lambda entry: (
        entry.get("litellm_provider") in ("fireworks_ai", "perplexity")
    ),
    "a fee for each request": lambda entry: (
        "input_cost_per_request" in entry or (entry.get("search_context_cost_per_query") or {}) != {}
    ),
}
"""Why a call may come to more by us than by litellm; to less it never does."""


def differing(litellm: Any, name: str, entry: Entry, served: str | None) -> Iterator[tuple[float, float]]:
    """Bills of ours and of litellm's that are not the same."""
    price = listed_price(entry, name, Sampling(extra_body={"service_tier": served} if served else {}))
    assert price is not None
    for prompt, completion, read, written in CALLS:
        if entry["mode"] == "embedding":
            completion = read = written = 0
        theirs = sum(
            litellm.cost_per_token(
                name, prompt, completion, custom_llm_provider=entry["litellm_provider"], service_tier=served,
                cache_read_input_tokens=read, cache_creation_input_tokens=written,
            )
        )  # fmt: skip
        ours = price.of(prompt, completion, read, written)
        assert ours <= price.most(prompt, completion) * (1 + 1e-9)
        if ours != pytest.approx(theirs, rel=1e-6, abs=1e-12):
            yield ours, theirs


def some_of(models: Mapping[str, Entry], most: int) -> dict[str, str]:
    """At the most so many models of each family of keys and 5 for each reason, each with the first that it is there
    for."""
    known = {name: entry for name, entry in models.items() if entry.get("mode") in CHAT and comparable(name, entry)}
    found: dict[str, str] = {}
    for family, key in FAMILIES.items():
        members = [name for name, entry in known.items() if any(map(key, entry))]
        found |= {name: family for name in members[:: len(members) // most + 1] if name not in found}
    for reason, holds in WHY_DEARER.items():
        members = [name for name, entry in known.items() if holds(entry)]
        found |= {name: reason for name in members[:: len(members) // 5 + 1] if name not in found}
    return found


def comparable(name: str, entry: Entry) -> bool:
    """Whether it has a price, and a name that litellm takes as it is: a maker that stands in it twice counts once."""
    parts = name.split("/")
    return len(set(parts)) == len(parts) and listed_price(entry, name, Sampling()) is not None


@pytest.mark.parametrize("most", [12, pytest.param(40, marks=pytest.mark.slow)])
def test_prices_are_those_that_litellm_reckons_with(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setenv("VERTEXAI_LOCATION", "global")
    litellm, models = library(), dict(listing())
    same: Counter[str] = Counter()
    dearer: Counter[str] = Counter()
    for name, family in some_of(models, most).items():
        entry = models[name]
        differ = [bills for served in (None, "priority", "flex") for bills in differing(litellm, name, entry, served)]
        why = [reason for reason, holds in WHY_DEARER.items() if holds(entry)]
        assert why or not differ, (name, differ)
        assert all(ours > theirs for ours, theirs in differ), (name, differ)
        same[family] += not differ
        dearer.update(why if differ else ())
    assert same.total() > 300 * most // 40
    assert all(same[family] >= 3 for family in FAMILIES), same
    assert all(dearer[reason] for reason in WHY_DEARER), dearer


LONG = {
    "input_cost_per_token": 1.0, "output_cost_per_token": 4.0, "cache_read_input_token_cost": 0.1,
    "input_cost_per_token_above_128k_tokens": 2.0, "output_cost_per_token_above_128k_tokens": 6.0,
}  # fmt: skip


def price(entry: Entry, name: str = "m", **extra: Any) -> Price | None:
    return listed_price(entry, name, Sampling(extra_body=extra))


def test_what_is_not_said_of_long_prompts_grows_with_what_is() -> None:
    tier = PriceTier(2.0, 6.0, 0.2, 2.0, above=128_000)
    assert price(LONG) == Price(1.0, 4.0, 0.1, 1.0, tiers=(tier,))
    assert price({**LONG, "litellm_provider": "xai"}) == Price(
        1.0, 4.0, 0.1, 1.0, tiers=(replace(tier, above=127_999),)
    )


def test_a_list_of_lengths_is_read() -> None:
    rates = {"input_cost_per_token": 1.0, "output_cost_per_token": 2.0, "output_cost_per_reasoning_token": 3.0}
    doubled = {name: 2 * usd for name, usd in rates.items()}
    by_length = [{**doubled, "range": [256_000.0, 1e6]}, {**rates, "range": [0, 256_000.0]}]
    tier = PriceTier(2.0, 6.0, None, 2.0, above=256_000)
    assert price({"tiered_pricing": by_length}) == Price(1.0, 3.0, None, 1.0, tiers=(tier,))
    assert price({"tiered_pricing": [{"input_cost_per_query": 1.0}]}) is None


def test_a_call_that_asks_to_be_served_another_way_has_the_price_of_that() -> None:
    served = {"input_cost_per_token_priority": 2.0, "output_cost_per_token_priority": 8.0}
    entry = {"input_cost_per_token": 1.0, "output_cost_per_token": 4.0, **served}
    assert price(entry, service_tier="priority") == Price(2.0, 8.0, None, 2.0)
    assert price(entry, service_tier="flex") == price(entry, service_tier="auto") == price(entry)
    slow = {"input_cost_per_token_flex": 0.5, "output_cost_per_token_flex": 2.0, "output_cost_per_reasoning_token": 4.0}
    assert price({**entry, **slow}, service_tier="flex") == Price(0.5, 2.0, None, 0.5)


def test_long_prompts_cost_no_less_than_short_ones_of_the_same_service() -> None:
    served = {"input_cost_per_token_priority": 3.0, "output_cost_per_token_priority": 9.0}
    found = price({**LONG, **served}, service_tier="priority")
    assert found is not None
    assert (found.tiers[0].prompt, found.tiers[0].completion) == (3.0, 9.0)


def test_a_place_and_a_speed_that_cost_more_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {**LONG, "provider_specific_entry": {"us": 1.5, "fast": 4.0}}
    plain = price(entry)
    assert plain is not None
    assert price(entry, speed="fast", inference_geo="us") == plain.times(6.0)
    monkeypatch.delenv("VERTEXAI_LOCATION", raising=False)
    monkeypatch.delenv("VERTEX_LOCATION", raising=False)
    regional = {**LONG, "regional_endpoint_uplift_multiplier": 1.5}
    assert price(regional) == price(regional, vertex_location="us-east5") == plain.times(1.5)
    assert price(regional, vertex_location="global") == plain
    monkeypatch.setenv("VERTEXAI_LOCATION", "global")
    assert price(regional) == plain


def test_a_search_that_every_call_makes_is_paid_with_each_request() -> None:
    sizes = {"search_context_size_low": 0.25, "search_context_size_medium": 0.5, "search_context_size_high": 1.0}
    entry = {"input_cost_per_token": 1.0, "output_cost_per_token": 4.0, "search_context_cost_per_query": sizes}

    def fee(name: str, provider: str, **extra: Any) -> float:
        found = price({**entry, "litellm_provider": provider}, name, **extra)
        assert found is not None
        return found.request

    assert fee("perplexity/sonar", "perplexity") == 0.25
    assert fee("perplexity/sonar", "perplexity", web_search_options={"search_context_size": "high"}) == 1.0
    assert fee("gpt-4o-search-preview", "openai") == 0.5
    assert fee("openai/gpt-4o", "openai") == 0.0, "searches only where it is told to"


def test_what_searches_as_often_as_it_likes_has_no_price_that_holds() -> None:
    assert price(LONG, "openai/o3-deep-research") is None
    assert price({**LONG, "citation_cost_per_token": 1.0}) is None


def test_a_known_model_with_long_prompts_has_both_prices() -> None:
    known = priced(Expert("e", "gemini/gemini-2.5-pro")).price
    assert known is not None
    (tier,) = known.tiers
    assert tier.above == 200_000
    assert known.of(200_000, 0) == pytest.approx(200_000 * known.prompt)
    assert known.of(200_001, 0) == pytest.approx(200_001 * tier.prompt)
    assert tier.prompt == pytest.approx(2 * known.prompt)
