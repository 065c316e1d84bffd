"""What solving would take: sums over problems, never above the caps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator import registry
from orchestrator.budget import Budget
from orchestrator.cli.forecast import Forecast, forecasts, in_words, total
from orchestrator.evals.plan import Plan
from orchestrator.types import Expert, Message, Price, Problem, Sampling

FREE = Expert("free", "m", price=Price())
DEAR = Expert("dear", "m", price=Price(prompt=1e-6, completion=1e-3))
UNKNOWN = Expert("unknown", "m")
CASES = [Problem(f"p{i}", (Message("user", f"1 + {i}?"),), kind="number") for i in range(3)]


def foreseen(*experts: Expert, spec: str = "self_consistency(samples=5)", **settings: Any) -> Forecast:
    (found,) = forecasts(Plan((spec,), experts, **settings), CASES)
    return found


def test_calls_are_those_of_all_problems_and_seeds() -> None:
    found = foreseen(FREE, seeds=(0, 1))
    assert (found.problems, found.least, found.expected, found.most, found.depth, found.usd) == (3, 30, 30, 30, 1, 0.0)


def test_a_full_reply_at_the_dearest_price_bounds_money() -> None:
    found = foreseen(FREE, DEAR)
    completions = 15 * 2048 * 1e-3
    assert found.usd is not None
    assert completions < found.usd < completions * 1.01


@pytest.mark.parametrize(
    ("spec", "sampling", "cap"),
    [
        ("self_consistency(samples=5, max_tokens=100)", Sampling(), 100),
        ("self_consistency(samples=5, max_tokens=100)", Sampling(max_tokens=10), 10),
        ("self_consistency(samples=5)", Sampling(max_tokens=10), 10),
    ],
    ids=["strategy", "both", "expert"],
)
def test_the_cap_on_a_reply_is_the_experts_then_the_strategys(spec: str, sampling: Sampling, cap: int) -> None:
    expert = Expert("dear", "m", price=Price(completion=1.0), sampling=sampling)
    assert foreseen(expert, spec=spec).usd == 15 * cap


def test_calls_to_an_embedder_are_counted_where_one_is_given() -> None:
    texts = [Problem("t", (Message("user", "Why is the sky blue?"),), kind="text")]
    plans = [Plan(("mbr(samples=40)",), (FREE,), roles=roles) for roles in ({}, {"embedder": FREE})]
    found = [forecasts(plan, texts)[0] for plan in plans]
    assert [(one.least, one.expected, one.most, one.depth) for one in found] == [(40, 40, 40, 1), (40, 42, 42, 2)]


def test_caps_of_problems_and_of_the_run_bound_it() -> None:
    assert foreseen(DEAR, budget=Budget(calls=2)).most == 6
    assert foreseen(DEAR, budget=Budget(usd=0.25)).usd == 0.75
    capped = foreseen(DEAR, run_budget=Budget(calls=7, usd=0.5))
    assert (capped.least, capped.expected, capped.most, capped.usd) == (7, 7, 7, 0.5)


def test_rows_together_stay_within_the_run_budget() -> None:
    rows = forecasts(Plan(("cot", "self_consistency(samples=5)"), (DEAR,)), CASES)
    assert total(rows, Budget()).most == 18
    assert total(rows, Budget(calls=10)).most == 10


def test_a_price_that_is_not_known_is_not_made_up() -> None:
    found = foreseen(FREE, UNKNOWN)
    assert found.usd is None
    assert found.to_json()["usd_most"] is None
    assert "for an unknown price" in in_words(found)


def test_a_strategy_that_cannot_tell_is_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Silent:
        async def __call__(self, problem: Problem, run: object) -> None: ...

    def build(group: str, spec: object) -> object:
        return Silent() if group == "strategies" else real(group, spec)  # type: ignore[call-overload]

    real = registry.build
    monkeypatch.setattr("orchestrator.contest.build", build)
    found = foreseen(DEAR, spec="cot")
    assert (found.told, found.to_json()["calls"]) == (False, None)
    assert "?" in in_words(found)


def test_each_expert_alone_is_a_row() -> None:
    rows = forecasts(Plan(("self_consistency",), (FREE, DEAR), per_expert=True), CASES)
    assert [(row.name, row.most) for row in rows] == [("self_consistency @ free", 30), ("self_consistency @ dear", 30)]
    assert rows[0].usd == 0.0
