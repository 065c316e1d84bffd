"""A bench whose servers refuse it, over HTTP: it ends at once, and goes on when that is mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.evals.runner import Bench, Plan
from orchestrator.types import Expert, Sampling
from tests.double import DoubleProcess

from .benching import bench, cases, lines, rows

Start = Callable[..., DoubleProcess]
COT, VOTE = "cot", "self_consistency(samples=4)"


def expert(name: str, server: DoubleProcess) -> Expert:
    return Expert(
        f"openai/{name}", f"openai/{name}", api_base=server.base_url, concurrency=8, sampling=Sampling(max_tokens=100)
    )


def run(folder: Path, count: int, *experts: Expert, strategies: tuple[str, ...] = (COT,), **settings: bool) -> Bench:
    plan = Plan(strategies, experts, concurrency=16, **settings)  # type: ignore[arg-type]
    return bench(folder, plan, cases(count))[0]


def test_a_wrong_key_is_noticed_at_the_first_refusals_and_costs_no_line(tmp_path: Path, double_process: Start) -> None:
    server = double_process(api_key="right", answers={"4": 1})
    work = run(tmp_path / "run", 5000, expert("m", server))
    assert "Incorrect API key" in str(work.lost)
    assert not work.complete
    assert server.stats()["requests"] <= 8
    assert work.problems < 100
    assert lines(tmp_path / "run") == []
    server.configure(api_key=None)
    again = run(tmp_path / "run", 30, expert("m", server))
    assert again.complete
    assert len(lines(tmp_path / "run")) == 30


def test_a_run_ends_when_the_last_of_several_experts_is_lost(tmp_path: Path, double_process: Start) -> None:
    closed = double_process(api_key="right")
    without = double_process(models={"other": {}}, strict=True)
    work = run(tmp_path / "run", 5000, expert("a", closed), expert("b", without), strategies=(VOTE,))
    assert work.lost is not None
    assert work.problems < 100
    assert closed.stats()["requests"] + without.stats()["requests"] <= 16
    assert lines(tmp_path / "run") == []


@pytest.mark.parametrize("alone", [True, False], ids=["a row each", "in one row"])
def test_what_still_has_an_expert_goes_on(tmp_path: Path, double_process: Start, alone: bool) -> None:
    closed, good = double_process(api_key="right"), double_process(answers={"4": 1})
    work = run(tmp_path / "run", 30, expert("bad", closed), expert("good", good), strategies=(VOTE,), per_expert=alone)
    assert (work.lost is not None) == alone
    assert len(lines(tmp_path / "run")) == 30
    assert set(work.gone) == ({f"{VOTE} @ openai/bad"} if alone else set())
    assert {candidate["expert"] for row in rows(tmp_path / "run") for candidate in row["candidates"]} == {"openai/good"}
    assert closed.stats()["requests"] <= 8
