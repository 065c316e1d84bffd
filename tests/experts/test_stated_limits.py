"""Limits that a server tells beside a refusal, in the spans of time that providers write."""

import pytest

from orchestrator.errors import Allowance, RateLimited, StatedLimits
from orchestrator.experts.failures import Answer, Teller
from orchestrator.experts.stated_limits import span, stated_limits

HEADERS = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "1m0s",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-tokens": "6ms",
}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("1.5s", 1.5), ("20ms", 0.02), ("2h3m4s", 7384), ("1d2h", 93600), ("12", 12)],
)  # fmt: skip
def test_a_span_of_time_is_read(text: str, seconds: float) -> None:
    assert span(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "2026-11-26T17:00:00Z", "1x"])
def test_what_is_no_span_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        span(text)


def test_a_refusal_carries_what_the_server_said() -> None:
    error = Teller("e").of_answer(Answer(429, "slow down", headers=HEADERS))
    assert isinstance(error, RateLimited)
    assert error.stated == StatedLimits(Allowance(60, 0, 60), Allowance(150000, 149984, 0.006))


@pytest.mark.parametrize(
    "changed",
    [
        {"x-ratelimit-limit-requests": "-1"},
        {"x-ratelimit-remaining-requests": "60"},
        {"x-ratelimit-reset-requests": "0s"},
        {"x-ratelimit-reset-requests": "nan"},
        {"x-ratelimit-reset-requests": "inf"},
        {"x-ratelimit-limit-requests": "many"},
    ],
)
def test_what_makes_no_sense_is_left_out(changed: dict[str, str]) -> None:
    found = stated_limits(HEADERS | changed)
    assert found == StatedLimits(None, Allowance(150000, 149984, 0.006))


def test_without_headers_there_is_nothing() -> None:
    assert stated_limits({}) is None
    assert stated_limits({"x-ratelimit-limit-requests": "60"}) is None
