"""Symbolic-MoE: what it costs, and how it gets smaller under a cap."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Budget
from orchestrator.contest import contestant_for
from orchestrator.fitting import estimated
from orchestrator.registry import build
from orchestrator.skills import Trimming
from orchestrator.strategies.symbolic_moe import SymbolicMoE
from orchestrator.types import Estimate, packed
from tests.one_by_one import OneByOne
from tests.skills.making import written

from .routing import KNOWN, LEGS, Pool, solved, spec


@pytest.mark.parametrize("cap", range(4, 12))
async def test_calls_to_an_embedder_have_room_under_a_cap(cap: int, tmp_path: Path) -> None:
    pool = Pool(skills="Keywords: addition", embed=lambda r: packed([(1.0, 0.0) for _ in r.messages]))
    out = await solved(pool, spec(tmp_path), roles={"embedder": pool.another("v")}, budget=Budget(calls=cap))
    assert (out.stopped_by, out.answer, pool.counts["embed"]) == ("done", "8", 1)
    assert out.usage.calls <= cap


def test_estimate(tmp_path: Path) -> None:
    made = build("strategies", spec(tmp_path))
    assert isinstance(made, SymbolicMoE)
    assert made.estimate(LEGS, 3) == Estimate(8, 8.0, 8, 2, candidates=3)
    whole = estimated(contestant_for(LEGS, made, None, None), LEGS, 3)
    assert whole is not None
    assert (whole.expected, whole.depth) == (9, 3)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("tagging=list", Estimate(4, 4.0, 4, 2, 3)),
        ("tagging=text", Estimate(3, 3.0, 3, 1, 3)),
        ("draw=distinct, recruits=9", Estimate(8, 8.0, 8, 2, 3)),
        ("inner=self_consistency(samples=4)", Estimate(17, 17.0, 17, 2, 12)),
        ("inner=ideasearch(samples=2), recruits=2", Estimate(13, 13.0, 13, 3, 4)),
    ],
)
def test_estimate_follows_the_settings(settings: str, told: Estimate, tmp_path: Path) -> None:
    made = build("strategies", spec(tmp_path, settings))
    assert isinstance(made, SymbolicMoE)
    assert made.estimate(LEGS, 3) == told


@pytest.mark.parametrize(("pool", "asked"), [(3, 2), (2, 1)], ids=str)
async def test_estimate_knows_of_teams_that_lack_those_who_are_left_out(pool: int, asked: int, tmp_path: Path) -> None:
    trimming = Trimming(0.05, 30, {"e0": 0, "e1": 15, "e2": 15}, ("e0",))
    named = spec(tmp_path, "draw=distinct, tagging=text", profiles=replace(KNOWN, trimming=trimming))
    told = estimated(contestant_for(LEGS, named, None, None), LEGS, pool)
    out = await solved(Pool(pool), named)
    assert told is not None
    assert len(out.candidates) == asked
    assert told.least <= out.usage.calls <= told.most
    assert told.expected == min(pool, 2) + 1


def test_without_profiles_it_may_come_without_naming_skills() -> None:
    assert SymbolicMoE().estimate(LEGS, 3) == Estimate(3, 8.0, 8, 2, candidates=3)
    assert SymbolicMoE(draw="distinct").estimate(LEGS, 2) == Estimate(2, 7.0, 7, 2, candidates=2)


@pytest.mark.parametrize(
    ("cap", "made"),
    [
        (1, {"answer": 1}),
        (2, {"skills": 1, "answer": 1}),
        (3, {"skills": 1, "answer": 1}),
        (4, {"skills": 1, "answer": 2, "synthesis": 1}),
        (5, {"skills": 1, "answer": 3, "synthesis": 1}),
        (8, {"skills": 1, "answer": 3, "synthesis": 1}),
        (9, {"skills": 5, "answer": 3, "synthesis": 1}),
    ],
)
async def test_ladder(cap: int, made: dict[str, int], tmp_path: Path) -> None:
    pool = Pool()
    out = await solved(pool, spec(tmp_path), budget=Budget(calls=cap))
    assert (pool.counts, out.stopped_by, out.answer) == (made, "done", "8")


async def test_an_inner_strategy_gets_smaller_before_recruits_get_fewer(tmp_path: Path) -> None:
    pool = Pool()
    inner = spec(tmp_path, "inner=self_consistency(samples=5)")
    out = await solved(pool, inner, budget=Budget(calls=8))
    assert (pool.counts, out.stopped_by) == ({"skills": 1, "answer": 6, "synthesis": 1}, "done")


@pytest.mark.parametrize(("cap", "each"), [(9, 3), (11, 3), (12, 4)])
async def test_every_recruit_has_an_equal_share_of_the_calls(cap: int, each: int, tmp_path: Path) -> None:
    pool, profiles = Pool(), Path(written(KNOWN, tmp_path))
    form = SymbolicMoE(profiles, tagging="text", draw="distinct", inner=OneByOne())
    out = await solved(pool, form, aggregator="majority", budget=Budget(calls=cap))
    assert (Counter(pool.who("answer")), len(out.candidates)) == (dict.fromkeys(("e0", "e1", "e2"), each), 3 * each)
    assert out.stopped_by == "done"


async def test_a_cap_on_tokens_is_not_cut_into_shares_smaller_than_a_call(tmp_path: Path) -> None:
    out = await solved(Pool(), spec(tmp_path, "inner=self_consistency(samples=2)"), budget=Budget(tokens=5000))
    assert (out.answer, len(out.candidates) > 1) == ("8", True)


async def test_below_the_lowest_rung_the_smallest_budget_is_named(tmp_path: Path) -> None:
    out = await solved(Pool(), spec(tmp_path, "inner=ideasearch(samples=2)"), budget=Budget(calls=1))
    assert (out.stopped_by, "calls=2" in out.reason) == ("budget", True)
