"""What a problem's run ends with, and sums over problems."""

from __future__ import annotations

from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.types import Answer, Candidate, Estimate, Event, Outcome, Price, Scored, Usage, Verdict

COUNTS = st.integers(0, 1000)
USAGES = st.builds(Usage, *[COUNTS] * 6, COUNTS.map(float), COUNTS.map(float), COUNTS.map(float), *[COUNTS] * 3)


@given(USAGES, USAGES)
def test_usage_adds_up_in_every_field(one: Usage, other: Usage) -> None:
    total = one + other
    for f in fields(Usage):
        assert getattr(total, f.name) == getattr(one, f.name) + getattr(other, f.name)
    assert one + Usage() == one


@given(USAGES)
def test_usage_is_written_with_every_figure_and_read_back(usage: Usage) -> None:
    told = usage.to_json()
    assert told == asdict(usage)
    assert Usage(**told) == usage  # type: ignore[arg-type]


def test_estimates_of_steps_add_up() -> None:
    assert Estimate(1, 1.5, 2, 1) + Estimate(2, 2.5, 3, 1) == Estimate(3, 4.0, 5, 2)


def test_an_answer_without_a_key_abstains() -> None:
    assert Answer("text").abstains
    assert Answer("text", "4").abstains
    assert not Answer("text", "4", "4").abstains


def candidate(number: int) -> Candidate:
    return Candidate(str(number), "p", "text", "4", "4", "e", "s", (number,))


@pytest.mark.parametrize(
    ("passed", "says"), [(True, True), (False, False), (None, False)], ids=["yes", "no", "opinion"]
)
def test_only_a_check_passes(passed: bool | None, says: bool) -> None:
    assert Scored(candidate(0), Verdict(1.0, passed)).passed is says
    assert Scored(candidate(0)).passed is False


def test_top_is_the_best_k() -> None:
    ranking = tuple(map(candidate, range(3)))
    out = Outcome("p", "s", "4", "text", 1.0, "vote", "done", (), ranking, Usage())
    assert (out.top(0), out.top(2), out.top(9)) == ((), ranking[:2], ranking)


def test_an_event_is_written_with_its_facts() -> None:
    event = Event("emit", (1, 0), 0.123456, {"answer": True})
    assert event.to_json() == {"kind": "emit", "place": [1, 0], "at": 0.1235, "answer": True}


def test_a_price_is_of_tokens_and_cached_ones_may_be_cheaper() -> None:
    assert Price(2.0, 5.0).of(10, 3) == 35.0
    assert Price(2.0, 5.0).of(10, 3, cached=4) == 35.0
    assert Price(2.0, 5.0, 0.5).of(10, 3, cached=4) == 12.0 + 2.0 + 15.0
    assert Price(2.0, 5.0, 0.5).of(10, 3, cached=4, written=4) == 4.0 + 2.0 + 10.0 + 15.0
    assert Price(2.0, 5.0, 0.5, 3.0).of(10, 3, cached=4, written=4) == 4.0 + 2.0 + 12.0 + 15.0


@pytest.mark.parametrize("cached_share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("rest", [(), (0.5,), (0.5, 2.0), (3.0,)])
def test_no_bill_is_over_the_most_that_a_price_allows(rest: tuple[float, ...], cached_share: float) -> None:
    price = Price(2.0, 5.0, *rest)
    for prompt in (100, 511, 512, 5000):
        cached = int(prompt * cached_share)
        written = prompt - cached if prompt >= 512 else 0
        assert price.of(prompt, 7, 0 if prompt < 512 else cached, written) <= price.most(prompt, 7)


def test_writing_a_prefix_pays_from_the_first_reader_on_where_reading_is_cheap() -> None:
    anthropic, unknown = Price(3.0, 15.0, 0.3, 3.75), Price(3.0, 15.0)
    assert [anthropic.pays_to_write(readers) for readers in (0, 1, 9)] == [False, True, True]
    assert not any(unknown.pays_to_write(readers) for readers in (0, 1, 99))
    assert (anthropic.caches, unknown.caches) == (True, False)
