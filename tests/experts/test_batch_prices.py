"""What calls by batch cost of the usual price, as the price list has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.experts.prices import listing, priced
from orchestrator.serving import priced as served
from orchestrator.types import BatchTerms, Expert, Price, Sampling

TUNED = "ft:gpt-4o-2024-08-06"
KINDS = {
    "input_cost_per_token": (1_000_000, 0, 0, 0),
    "output_cost_per_token": (0, 1_000_000, 0, 0),
    "cache_read_input_token_cost": (1_000_000, 0, 1_000_000, 0),
    "cache_creation_input_token_cost": (1_000_000, 0, 0, 1_000_000),
}
"""A price of the list, and a call that consists of nothing but what it is for."""
SERVICES = (None, "flex", "priority")


def by_batch(model: str, **fields: Any) -> Expert:
    return priced(Expert("e", model, batch=BatchTerms(), **fields))


def listed() -> Iterator[tuple[str, str, float]]:
    """Every price of a batch there is for a model that goes by batch."""
    for model, entry in listing().items():
        if entry.get("litellm_provider") in ("openai", "azure", "anthropic", "mistral"):
            for key in KINDS:
                if isinstance(usd := entry.get(f"{key}_batches"), int | float):
                    yield model, key, usd


@pytest.mark.parametrize("service", SERVICES, ids=str)
def test_no_model_is_billed_or_reserved_below_what_the_list_says_of_its_batches(service: str | None) -> None:
    sampling = Sampling(extra_body={"service_tier": service} if service else {})
    seen = 0
    for model, key, usd in listed():
        if (price := by_batch(model, sampling=sampling).by_batch.price) is None:
            continue
        prompt, completion, cached, written = KINDS[key]
        # Long prompts may cost more, so that it is the plain rate that is held against the list.
        plain = price.bill(prompt, completion, cached, written) / 1e6
        assert plain >= usd * (1 - 1e-9), (model, key)
        assert price.most(prompt, completion) >= usd * 1e6 * (1 - 1e-9) or cached or written, (model, key)
        seen += 1
    assert seen > 400


@pytest.mark.parametrize(
    ("model", "share"),
    [
        ("openai/gpt-4o-mini", 0.5),
        ("gpt-3.5-turbo-1106", 1.0),
        (f"openai/{TUNED}", 1.25 / 1.5),
        (f"openai/{TUNED}:us:name:abc", 1.25 / 1.5),
        ("mistral/mistral-small-latest", 0.5),
        ("openai/nobody-knows-it", 0.5),
    ],
    ids=["half", "no-discount", "the-higher", "fine-tuned", "not-listed", "unknown"],
)
def test_the_share_is_the_list_s_and_half_where_it_has_none(model: str, share: float) -> None:
    terms = by_batch(model).batch
    assert terms is not None
    assert terms.price == pytest.approx(share)


def test_what_the_user_says_is_stronger() -> None:
    mine = priced(Expert("e", "gpt-3.5-turbo-1106", batch=BatchTerms(price=0.25)))
    assert mine.batch == BatchTerms(price=0.25)


def test_a_price_of_the_user_s_own_has_the_share_of_the_list() -> None:
    mine = served(Expert("e", "gpt-3.5-turbo-1106", price=Price(2.0, 4.0), batch=BatchTerms()))
    assert mine.by_batch.price == Price(2.0, 4.0)


def test_a_model_that_another_server_has_under_the_same_name_costs_no_less() -> None:
    base, price = "https://relay.example/v1", Price(2.0, 4.0)
    mine = served(Expert("e", "openai/gpt-3.5-turbo-1106", api_base=base, price=price, batch=BatchTerms()))
    assert mine.by_batch.price == price


def test_a_cheaper_service_is_not_halved_once_more() -> None:
    flex = by_batch("openai/o3", sampling=Sampling(extra_body={"service_tier": "flex"}))
    assert flex.by_batch.price is not None
    assert flex.price is not None
    assert flex.by_batch.price.prompt == flex.price.prompt


def test_what_was_fine_tuned_has_the_price_of_its_kind() -> None:
    assert priced(Expert("e", f"openai/{TUNED}:us:name:abc")).price == priced(Expert("e", TUNED)).price
