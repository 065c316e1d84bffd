"""Best of n: independent samples, and a verifier that picks."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import Budget, Candidate, Message, Problem, Run, asolve
from orchestrator.strategies.best_of_n import BestOfN
from orchestrator.types import Estimate
from tests.cycling import cycling

from .golden import batches, calls, emitted, lineage_is_sound

PUZZLE = "Use each number once to make 24.\n4 7 8 8"
WRONG, RIGHT = "Answer: 4 + 7 + 8 + 8 = 24", "Answer: (7 - 8 / 8) * 4 = 24"


async def test_golden_trace() -> None:
    expert = cycling("The answer is 1.", "The answer is 2.", "The answer is 1.")
    out = await asolve(
        "q?", kind="number", experts=[expert.value], strategy="best_of_n(samples=3)", verifier=prefers_two
    )
    assert [event.kind for event in out.trace] == ["call", "emit"] * 3 + ["verdict"] * 3 + ["stop"]
    assert calls(out) == [((0, 0), "answer"), ((0, 1), "answer"), ((0, 2), "answer")]
    assert emitted(out) == [((0, 0, 0), "1"), ((0, 1, 0), "2"), ((0, 2, 0), "1")]
    assert batches(expert) == [[0, 1, 2]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by) == ("2", "score")


async def prefers_two(problem: Problem, candidate: Candidate, run: Run) -> float:
    return 0.9 if candidate.answer == "2" else 0.1


async def test_one_that_passes_is_right_where_a_vote_over_the_same_samples_is_wrong() -> None:
    replies = (WRONG, WRONG, RIGHT, WRONG)
    best = await asolve(PUZZLE, kind="game24", experts=[cycling(*replies).value], strategy="best_of_n(samples=4)")
    vote = await asolve(
        PUZZLE, kind="game24", experts=[cycling(*replies).value], strategy="self_consistency(samples=4)"
    )
    assert (best.answer, best.chosen_by, best.stopped_by) == ("(7 - 8 / 8) * 4", "verified", "verifier")
    assert vote.answer == "4 + 7 + 8 + 8"
    assert best.usage.calls == vote.usage.calls == 4


async def test_several_experts_are_dealt_to_in_turn() -> None:
    first, second = cycling("The answer is 1."), cycling("The answer is 2.")
    second.value = type(second.value)("other", "other", client="scripted", options=second.value.options)
    await asolve("q?", kind="number", experts=[first.value, second.value], strategy="best_of_n(samples=5)")
    assert [batches(first), batches(second)] == [[[0, 1, 2]], [[0, 1]]]


@pytest.mark.parametrize(("calls", "samples"), [(1, 1), (4, 4), (50, 10)])
async def test_ladder(calls: int, samples: int) -> None:
    expert = cycling("The answer is 1.")
    out = await asolve("q?", kind="number", experts=[expert.value], strategy="best_of_n", budget=Budget(calls=calls))
    assert (len(out.candidates), out.stopped_by) == (samples, "done")


def test_estimate_and_lowest_rung() -> None:
    problem: Any = Problem("p", (Message("user", "q"),))
    assert BestOfN(samples=7).estimate(problem, experts=3) == Estimate(7, 7.0, 7, 1)
    assert BestOfN().fit(0, problem, 1) is None
