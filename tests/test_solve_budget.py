"""What budgets cut of a problem solved through the Python API."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

import orchestrator
from orchestrator import Budget, Candidate, Orchestrator, Outcome, Problem, Run, asolve
from orchestrator.experts.scripted import ScriptedExpert
from tests.clock import run_virtual
from tests.one_by_one import PLAIN, OneByOne


def slow_check(seconds: float) -> Callable[..., Any]:
    async def check(problem: Problem, candidate: Candidate, run: Run) -> bool:
        await asyncio.sleep(seconds)
        return candidate.answer == "2"

    return check


def test_candidates_are_still_checked_when_the_budget_has_ended() -> None:
    expert = ScriptedExpert(lambda request: f"The answer is {request.sample_index}.")
    out, _ = run_virtual(
        asolve(
            "q?", kind="number", experts=[expert.value], strategy=OneByOne(), verifier=slow_check(30),
            aggregator="first_verified", budget=Budget(calls=4),
        )
    )  # fmt: skip
    assert out.stopped_by in ("budget", "verifier")
    assert (out.answer, out.chosen_by, len(out.candidates)) == ("2", "verified", 4)


@pytest.mark.parametrize("whole", [True, False])
def test_seconds_end_a_problem_with_what_it_has(whole: bool) -> None:
    expert = ScriptedExpert(lambda request: f"The answer is {request.sample_index}.", latency=1.0)

    async def work() -> Outcome:
        async with Orchestrator(experts=[expert.value], budget=Budget(seconds=5.5) if whole else None) as o:
            return await o.solve(
                "q?", kind="number", strategy=OneByOne(), budget=None if whole else Budget(seconds=5.5)
            )

    out, seconds = run_virtual(work())
    assert (out.stopped_by, len(out.candidates), out.answer) == ("budget", 5, "0")
    assert out.reason.endswith("ended: seconds=5.5")
    assert seconds == pytest.approx(5.5)


def test_after_its_seconds_a_wallet_admits_nothing_more() -> None:
    expert = ScriptedExpert(lambda request: "The answer is 1.", latency=1.0)

    async def work() -> list[Outcome]:
        async with Orchestrator(experts=[expert.value], budget=Budget(seconds=2.5), strategy="cot") as o:
            return [await o.solve(f"{i}?", kind="number") for i in range(4)]

    outs, seconds = run_virtual(work())
    assert [out.stopped_by for out in outs] == ["done", "done", "budget", "budget"]
    assert seconds == pytest.approx(2.5)


@dataclasses.dataclass(frozen=True)
class Asking:
    """An aggregator that asks the expert which candidate is best."""

    async def __call__(self, problem: Problem, scored: Any, run: Run) -> orchestrator.Choice:
        reply = await run.generate(problem.ask(PLAIN), purpose="vote", sample=99)
        return orchestrator.Choice(scored[int(reply.text)].candidate, 1.0, "judge")

    def estimate(self, problem: Problem, experts: int) -> orchestrator.Estimate:
        return orchestrator.Estimate(1, 1.0, 1, 1)


def asked(request: orchestrator.Request) -> str:
    if request.labels.purpose == "vote":
        return "1"
    return f"The answer is {min(request.sample_index, 1) + 5}."


@pytest.mark.parametrize(("calls", "answer", "by"), [(4, "6", "judge"), (5, "6", "judge"), (1, None, "none")])
async def test_the_calls_of_an_aggregator_are_planned_for(calls: int, answer: str | None, by: str) -> None:
    out = await asolve(
        "q?", kind="number", experts=[ScriptedExpert(asked).value], strategy="self_consistency(samples=10)",
        aggregator=Asking(), budget=Budget(calls=calls),
    )  # fmt: skip
    assert (out.answer, out.chosen_by) == (answer, by)
    assert out.usage.calls <= calls
    if answer is None:
        assert out.reason == "budget of problem 1 ended: calls=1; the next call needs calls=2"


async def test_an_aggregator_that_cannot_ask_gives_way_to_a_vote() -> None:
    out = await asolve(
        "q?", kind="number", experts=[ScriptedExpert(asked).value], strategy=OneByOne(), aggregator=Asking(),
        budget=Budget(calls=4),
    )  # fmt: skip
    assert (out.answer, out.chosen_by, out.stopped_by) == ("6", "vote", "budget")
