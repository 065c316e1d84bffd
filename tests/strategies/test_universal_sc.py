"""Universal self-consistency: samples, and a model that picks."""

from __future__ import annotations

import re

import pytest

from orchestrator import Budget, Message, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.universal_sc import UniversalSelfConsistency
from orchestrator.types import Estimate
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import wide

TASK = Problem("p", (Message("user", "Why is the sky blue?"),))


def script(request: Request) -> str:
    """Picks the candidate of sample 1."""
    if request.labels.purpose == "select":
        numbered = re.findall(r"Candidate (\d+):\n```\nFinal answer: reason (\d+)", request.messages[-1].text)
        return f"The most consistent one is Candidate {next(number for number, of in numbered if of == '1')}"
    return f"Final answer: reason {request.sample_index}"


def test_golden_trace() -> None:
    expert = ScriptedExpert(script, latency=1.0)
    out, seconds = run_virtual(asolve(TASK, experts=[expert.value], strategy="universal_sc(samples=3)"))
    assert calls(out) == [((0, i), "answer") for i in range(3)] + [((2**31, 0, 0), "select")]
    assert emitted(out) == [((0, i, 0), f"reason {i}") for i in range(3)]
    assert batches(expert) == [[0, 1, 2], [0]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.stopped_by, seconds) == ("reason 1", "judge", "done", 2.0)
    assert out.chosen is not None
    assert out.chosen.id == "0.1.0"


async def test_it_samples_eight_times_and_selects_once() -> None:
    expert = ScriptedExpert(script)
    out = await asolve(TASK, experts=[expert.value], strategy="universal_sc")
    assert (len(out.candidates), out.usage.calls) == (8, 9)
    assert {request.sampling.temperature for request in expert.requests[:8]} == {0.7}


async def test_why_a_fallback_was_taken_is_told_in_the_outcome() -> None:
    expert = ScriptedExpert(lambda r: "Who knows?" if r.labels.purpose == "select" else script(r))
    out = await asolve(TASK, experts=[expert.value], strategy="universal_sc(samples=3)")
    assert (out.chosen_by, out.stopped_by, out.usage.calls) == ("weight", "done", 5)
    assert "named no candidate" in out.reason


async def test_several_experts_are_dealt_to_in_turn() -> None:
    pool = [ScriptedExpert(script, id=f"e{i}") for i in range(3)]
    out = await asolve(TASK, experts=[wide(e, e.value.id) for e in pool], strategy="universal_sc(samples=5)")
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e2", "e0", "e1"]
    assert [len(expert.requests) for expert in pool] == [3, 2, 1]


@pytest.mark.parametrize(
    ("cap", "samples", "made"), [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 2, 3), (9, 7, 8), (10, 8, 9)]
)
async def test_ladder(cap: int, samples: int, made: int) -> None:
    expert = ScriptedExpert(
        lambda r: "The most consistent one is Candidate 1" if "Candidate" in str(r.messages) else script(r)
    )
    out = await asolve(TASK, experts=[expert.value], strategy="universal_sc", budget=Budget(calls=cap))
    assert (len(out.candidates), out.usage.calls, out.stopped_by) == (samples, made, "done")


def test_estimate() -> None:
    assert UniversalSelfConsistency(samples=7).estimate(TASK, experts=3) == Estimate(7, 7.0, 7, 1)


def test_no_samples_is_said() -> None:
    with pytest.raises(ValueError, match="samples"):
        UniversalSelfConsistency(samples=0)
