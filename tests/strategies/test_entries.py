"""Every strategy in its scripted case: right where a vote at equal calls is wrong, as dear and as deep as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Outcome, asolve
from orchestrator.contest import contestant_for
from orchestrator.fitting import estimated
from orchestrator.registry import names as all_names
from orchestrator.registry.rooms import origin
from tests.clock import run_virtual

from .entry import Entry, entry, names


def test_every_strategy_has_an_entry() -> None:
    assert names() == [name for name in all_names("strategies") if origin("strategies", name) == "built-in"]


@pytest.fixture(params=names())
def one(request: pytest.FixtureRequest) -> Entry:
    return entry(request.param)


async def solved(one: Entry, spec: str) -> Outcome:
    return await asolve(one.problem, experts=one.pool(), strategy=spec)


async def test_it_is_right_where_voting_at_equal_calls_is_wrong(one: Entry, tmp_path: Path) -> None:
    out = await solved(one, one.spec_in(tmp_path))
    assert (out.answer, out.stopped_by in ("done", "verifier")) == (one.right, True), out.reason
    if one.beats_voting:
        voted = await solved(one, f"self_consistency(samples={one.calls})")
        assert voted.usage.calls == one.calls
        assert voted.answer != one.right


async def test_it_makes_the_calls_that_it_estimates(one: Entry, tmp_path: Path) -> None:
    spec = one.spec_in(tmp_path)
    out = await solved(one, spec)
    told = estimated(contestant_for(one.problem, spec, None, None), one.problem, len(one.experts))
    assert told is not None
    assert out.usage.calls == one.calls
    assert told.least <= one.calls <= told.most
    if one.exact:
        assert told.expected == one.calls


def test_nothing_waits_that_could_run_together(one: Entry, tmp_path: Path) -> None:
    spec = one.spec_in(tmp_path)
    out, seconds = run_virtual(asolve(one.problem, experts=one.pool(latency=1.0), strategy=spec))
    told = estimated(contestant_for(one.problem, spec, None, None), one.problem, len(one.experts))
    assert (out.answer, seconds) == (one.right, pytest.approx(one.depth))
    assert told is not None
    assert one.depth <= told.depth


async def test_it_needs_nothing_but_its_own_calls_to_be_the_same_again(one: Entry, tmp_path: Path) -> None:
    spec = one.spec_in(tmp_path)
    first, again = await solved(one, spec), await solved(one, spec)
    assert [s.candidate for s in first.candidates] == [s.candidate for s in again.candidates]
    assert (first.answer, first.confidence, first.chosen_by) == (again.answer, again.confidence, again.chosen_by)
