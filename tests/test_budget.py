"""Caps as a user writes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.budget import Budget
from orchestrator.errors import ConfigError, UnknownName

BUDGETS = st.builds(
    Budget,
    calls=st.none() | st.integers(0, 10**12),
    tokens=st.none() | st.integers(0, 10**15),
    usd=st.none() | st.floats(0, 1e12, allow_subnormal=False),
    seconds=st.none() | st.floats(0, 1e12, allow_subnormal=False),
)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("calls=40,tokens=50k,usd=0.20,seconds=60", Budget(40, 50_000, 0.2, 60)),
        (" calls = 40 , usd = .5,", Budget(calls=40, usd=0.5)),
        ("tokens=1.5M", Budget(tokens=1_500_000)),
        ("tokens=2_000_000", Budget(tokens=2_000_000)),
        ("calls=1e3", Budget(calls=1000)),
        ("usd=$0.20", Budget(usd=0.2)),
        ("usd=2k", Budget(usd=2000)),
        ("usd=1e-05", Budget(usd=0.00001)),
        ("seconds=1.5h", Budget(seconds=5400)),
        ("seconds=2min", Budget(seconds=120)),
        ("seconds=90s", Budget(seconds=90)),
        ("calls=0", Budget(calls=0)),
        ("", Budget()),
    ],
    ids=range(13),
)
def test_it_is_read_as_it_is_written(text: str, budget: Budget) -> None:
    read = Budget.parse(text)
    assert read == budget
    assert isinstance(read.calls, int | None)
    assert isinstance(read.tokens, int | None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("calls", r"^--budget: 'calls' lacks a number; write calls=NUMBER$"),
        ("calls=", r"^--budget: calls= is not a number"),
        ("calls=many", "calls=many is not a number from 0 up"),
        ("calls=-1", "calls=-1 is not a number from 0 up"),
        ("calls=1.5", "calls=1.5 must be a whole number"),
        ("tokens=0.0001k", "must be a whole number"),
        ("calls=1,calls=2", "calls is given twice"),
        ("tokens=$5", "tokens=.5 is not a number"),
        ("usd=nan", "usd=nan is not a number"),
        ("usd=inf", "usd=inf is not a number"),
        ("usd=1e999", "usd=inf must be a number from 0 up"),
        ("seconds=5m", "is not a number from 0 up; for minutes write min"),
        ("seconds=5k", "seconds=5k is not a number"),
        ("calls=5s", "calls=5s is not a number"),
    ],
    ids=range(14),
)
def test_what_is_no_number_is_said(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        Budget.parse(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_cap_gets_a_suggestion_and_the_place() -> None:
    with pytest.raises(UnknownName, match=r"unknown cap 'call' in orchestrator\.toml: budget; did you mean 'calls'"):
        Budget.parse("call=3", "orchestrator.toml: budget")


@pytest.mark.parametrize("value", [-1, math.inf, math.nan, "5", True], ids=repr)
@pytest.mark.parametrize("name", ["calls", "tokens", "usd", "seconds"])
def test_a_cap_is_a_number_from_0_up(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"budget {name}={value} must be a number from 0 up"):
        Budget(**{name: value})  # type: ignore[arg-type]


def test_calls_and_tokens_are_whole() -> None:
    with pytest.raises(ConfigError, match="must be a whole number"):
        Budget(calls=1.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="must be a whole number"):
        Budget(tokens=1.5)  # type: ignore[arg-type]
    assert str(Budget(calls=2.0)) == "calls=2"  # type: ignore[arg-type]
    assert str(Budget(calls=10**400)) == f"calls={10**400}"


@given(BUDGETS)
def test_what_it_says_of_itself_is_read_as_itself(budget: Budget) -> None:
    assert Budget.parse(str(budget)) == budget


def test_it_is_finite_when_anything_is_capped() -> None:
    assert not Budget().finite
    for name in ("calls", "tokens", "usd", "seconds"):
        assert Budget(**{name: 0}).finite


def test_a_share_divides_all_but_the_seconds() -> None:
    assert Budget(10, 101, 0.75, 60).share(3) == Budget(3, 33, 0.25, 60)
    assert Budget(usd=1.0).share(4) == Budget(usd=0.25)
    assert Budget().share(5) == Budget()


@given(BUDGETS, st.integers(1, 50))
def test_shares_together_are_never_more_than_the_whole(budget: Budget, k: int) -> None:
    part = budget.share(k)
    for name in ("calls", "tokens", "usd"):
        cap, share = getattr(budget, name), getattr(part, name)
        assert (cap is None) == (share is None)
        assert cap is None or share * k <= cap * (1 + 1e-12)


@given(BUDGETS, BUDGETS)
def test_the_tighter_of_two_is_the_lower_in_each_cap(one: Budget, other: Budget) -> None:
    tight = one.tightened(other)
    assert tight == other.tightened(one)
    for name in ("calls", "tokens", "usd", "seconds"):
        caps = [cap for cap in (getattr(one, name), getattr(other, name)) if cap is not None]
        assert getattr(tight, name) == min(caps, default=None)
