"""Prices by the length of a prompt."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.types import BatchTerms, Expert, Price, PriceTier

LONG = PriceTier(2.0, 15.0, 0.25, 2.5, above=200)
LONGER = PriceTier(4.0, 30.0, above=500)
PRICE = Price(1.0, 10.0, 0.125, 1.25, tiers=(LONGER, LONG))


@pytest.mark.parametrize(
    ("prompt", "usd"),
    [(0, 10.0), (200, 210.0), (201, 402 + 15), (500, 1015.0), (501, 2004 + 30), (10_000, 40_030.0)],
)
def test_all_of_a_call_is_billed_by_the_prices_for_the_length_of_its_prompt(prompt: int, usd: float) -> None:
    assert PRICE.of(prompt, 1) == usd


def test_what_is_cached_counts_for_the_length_and_has_the_prices_of_it() -> None:
    assert PRICE.of(201, 0, cached=100, written=50) == 51 * 2.0 + 100 * 0.25 + 50 * 2.5
    assert PRICE.of(501, 0, cached=501) == 501 * 4.0, "read from a cache at the price of any other token"
    assert PRICE.of(600, 0, written=600) == 600 * 5.0, "a quarter above any other, where nobody says"


rates = st.floats(0, 10, allow_nan=False)
tiers = st.builds(PriceTier, rates, rates, st.none() | rates, st.none() | rates, st.integers(0, 3000))
prices = st.builds(
    Price, rates, rates, st.none() | rates, st.none() | rates, rates, st.lists(tiers, max_size=3).map(tuple)
)


@given(prices, st.integers(512, 4000), st.integers(0, 100), st.data())
def test_no_shorter_prompt_and_nothing_cached_ever_costs_more_than_is_set_aside(
    price: Price, bound: int, completion: int, data: st.DataObject
) -> None:
    prompt = data.draw(st.integers(0, bound))
    cached = data.draw(st.integers(0, prompt if prompt >= 512 else 0))
    written = data.draw(st.integers(0, prompt - cached if prompt >= 512 else 0))
    bill = price.of(prompt, data.draw(st.integers(0, completion)), cached, written)
    assert bill <= price.most(bound, completion) * (1 + 1e-9)


def test_what_is_set_aside_is_not_what_only_longer_prompts_would_cost() -> None:
    assert PRICE.most(200, 1) == 210.0
    assert PRICE.most(201, 1) == 402 + 15


def test_a_request_costs_what_it_costs_beside_its_tokens() -> None:
    price = Price(1.0, 2.0, request=0.5)
    assert (price.of(3, 4), price.most(3, 4)) == (11.5, 11.5)
    assert not Price(request=0.5).free


@pytest.mark.parametrize(
    ("price", "free"),
    [
        (Price(), True),
        (Price(tiers=(PriceTier(above=9),)), True),
        (Price(completion=1e-9), False),
        (Price(tiers=(PriceTier(completion=1e-9, above=10**6),)), False),
    ],
)
def test_free_is_what_costs_nothing_at_any_length(price: Price, free: bool) -> None:
    assert price.free is free


def test_a_batch_takes_its_share_of_every_price() -> None:
    price = Expert("e", "m", price=PRICE, batch=BatchTerms(price=0.5)).by_batch.price
    assert price == Price(
        0.5, 5.0, 0.0625, 0.625, tiers=(PriceTier(2.0, 15.0, above=500), PriceTier(1.0, 7.5, 0.125, 1.25, above=200))
    )
    assert price is not None
    for prompt in (200, 201, 501):
        assert price.of(prompt, 3, 10, 20) == PRICE.of(prompt, 3, 10, 20) / 2


def test_what_a_request_costs_beside_its_tokens_is_the_same_in_a_batch() -> None:
    searching = Expert("e", "m", price=Price(1.0, 2.0, request=0.03), batch=BatchTerms(price=0.5))
    assert searching.by_batch.price == Price(0.5, 1.0, request=0.03)


def test_half_is_taken_where_nobody_says_what_a_batch_costs() -> None:
    assert Expert("e", "m", price=Price(1.0, 2.0), batch=BatchTerms()).by_batch.price == Price(0.5, 1.0)


@given(prices)
def test_a_price_is_read_back_out_of_its_fields(price: Price) -> None:
    assert Price.read(json.loads(json.dumps(asdict(price)))) == price


def test_a_price_that_another_version_wrote_is_read() -> None:
    earlier = {"prompt": 1.0, "completion": 2.0, "cached_prompt": None, "written_prompt": None}
    assert Price.read(earlier) == Price(1.0, 2.0)
    later = {**earlier, "colour": 3, "tiers": [{**earlier, "above": 7, "colour": 3}]}
    assert Price.read(later) == Price(1.0, 2.0, tiers=(PriceTier(1.0, 2.0, above=7),))
