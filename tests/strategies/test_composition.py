"""Every strategy inside Symbolic-MoE and inside a mixture of agents: budgets hold, and nothing is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Budget, Orchestrator, Outcome
from orchestrator.types import Completion, Expert, Request
from tests.clock import run_virtual

from .entry import Entry, entry, names

OUTER = ("symbolic_moe(inner={inner}, recruits=2, passes=2)", "moa(inner={inner}, proposers=2, layers=2)")
"""Specs around another."""


@pytest.fixture(params=names())
def one(request: pytest.FixtureRequest) -> Entry:
    return entry(request.param)


@pytest.fixture(params=OUTER, ids=["symbolic_moe", "moa"])
def outer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def script(one: Entry, request: Request) -> str | Completion:
    """What the entry's script says; what it was not written for is answered with the right answer."""
    if request.labels.purpose == "skills":
        return "Skills: algebra, counting"
    try:
        return one.script(request)
    except LookupError:
        return f"The answer is {one.right}."


def pool(one: Entry, latency: float = 0.0) -> list[Expert]:
    return replace(one, script=lambda request: script(one, request)).pool(latency)


async def test_it_runs_to_its_end(one: Entry, outer: str, tmp_path: Path) -> None:
    out = await _solved(one, outer.format(inner=one.spec_in(tmp_path)), Budget())
    assert out.candidates
    assert out.stopped_by in ("done", "verifier"), out.reason


async def test_one_nested_budget_holds(one: Entry, outer: str, tmp_path: Path) -> None:
    cap = max(6, one.calls)
    out = await _solved(one, outer.format(inner=one.spec_in(tmp_path)), Budget(calls=cap))
    assert out.usage.calls <= cap
    assert out.stopped_by in ("done", "verifier", "budget")


def test_cancelled_half_way_it_leaves_no_task_behind(one: Entry, outer: str, tmp_path: Path) -> None:
    spec = outer.format(inner=one.spec_in(tmp_path))
    _, seconds = run_virtual(_solved(one, spec, Budget(), latency=1.0))

    async def left_half_way() -> int:
        async with Orchestrator(experts=pool(one, latency=1.0)) as orchestrator:
            mine = asyncio.all_tasks()
            async with orchestrator.stream(one.problem, strategy=spec):
                await asyncio.sleep(seconds / 2)
            # A lane may live as long as its engine; what worked for the problem may not.
            await asyncio.sleep(0)
            return len([task for task in asyncio.all_tasks() - mine if "lane" not in task.get_name().casefold()])

    left, _ = run_virtual(left_half_way())
    assert left == 0


async def _solved(one: Entry, spec: str, budget: Budget, latency: float = 0.0) -> Outcome:
    async with Orchestrator(experts=pool(one, latency)) as orchestrator:
        return await orchestrator.solve(one.problem, strategy=spec, budget=budget)
