"""Synthesis by the expert that skill profiles chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator import ConfigError, asolve
from orchestrator.registry import build
from orchestrator.skills import Aggregation, Tally
from orchestrator.strategies.aggregators.profiled_synthesis import ProfiledSynthesis
from tests.skills.making import profiles_of, written
from tests.strategies.routing import LEGS, Pool

KNOWN = profiles_of(
    {"e0": {"x": (1, 0)}, "e1": {"x": (5, 0)}, "e2": {"x": (9, 0)}},
    aggregation=Aggregation({"e0": Tally(1, 3), "e1": Tally(4, 0), "e2": Tally(3, 1)}, 4),
)

SEEN = replace(KNOWN, problems={"00ff": ("x",)})


@pytest.fixture
def spec(tmp_path: Path) -> str:
    return f'profiled_synthesis(profiles="{written(KNOWN, tmp_path)}")'


def test_it_tells_what_its_profiles_have_seen(tmp_path: Path) -> None:
    made: Any = build("aggregators", f'profiled_synthesis(profiles="{written(SEEN, tmp_path)}")')
    assert (list(made.seen), list(ProfiledSynthesis().seen)) == (["00ff"], [])


async def test_it_stands_behind_any_strategy(spec: str) -> None:
    pool = Pool()
    out = await asolve(LEGS, experts=pool.experts, strategy="self_consistency", aggregator=spec)
    assert (out.chosen_by, pool.who("synthesis")) == ("synthesis", ["e1"])


async def test_where_the_best_writer_is_not_here_the_next_best_writes(spec: str) -> None:
    pool = Pool()
    await asolve(LEGS, experts=[pool.experts[0], pool.experts[2]], strategy="self_consistency", aggregator=spec)
    assert pool.who("synthesis") == ["e2"]


async def test_a_role_goes_before_the_profiles_and_a_named_expert_before_both(spec: str) -> None:
    pool = Pool()
    roles = {"aggregator": pool.another("w")}
    named = spec.replace("(", "(expert=e0, ")
    await asolve(LEGS, experts=pool.experts, strategy="self_consistency", aggregator=spec, roles=roles)
    await asolve(LEGS, experts=pool.experts, strategy="self_consistency", aggregator=named, roles=roles)
    assert pool.who("synthesis") == ["w", "e0"]


async def test_profiles_that_know_nobody_here_leave_it_to_the_runs_own_expert(spec: str) -> None:
    pool = Pool()
    strangers = [pool.another("x"), pool.another("y")]
    await asolve(LEGS, experts=strangers, strategy="self_consistency", aggregator=spec)
    assert pool.who("synthesis") == ["x"]


def test_a_file_that_cannot_be_used_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match=r"none\.json"):
        build("aggregators", "profiled_synthesis(profiles='none.json')")
