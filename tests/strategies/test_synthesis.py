"""Synthesis: samples, and one answer written out of them."""

from __future__ import annotations

import pytest

from orchestrator import Budget, Message, Problem, Request, asolve
from orchestrator.engine import MemoryJournal
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.synthesis import Synthesis
from orchestrator.types import Estimate
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import wide

TASK = Problem("p", (Message("user", "6 times 7?"),), "number")


def script(request: Request) -> str:
    return "The answer is 42." if request.labels.purpose == "synthesis" else f"The answer is {request.sample_index}."


def test_golden_trace() -> None:
    expert = ScriptedExpert(script, latency=1.0)
    out, seconds = run_virtual(asolve(TASK, experts=[expert.value], strategy="synthesis(samples=3)"))
    assert calls(out) == [((0, i), "answer") for i in range(3)] + [((2**31,), "synthesis")]
    assert emitted(out) == [((0, i, 0), str(i)) for i in range(3)]
    assert batches(expert) == [[0, 1, 2], [0]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.stopped_by, seconds) == ("42", "synthesis", "done", 2.0)
    assert out.written is not None
    assert out.written.candidate == out.chosen == out.ranking[0]


async def test_a_journal_gives_the_same_answer_without_asking_again() -> None:
    journal, expert = MemoryJournal(), ScriptedExpert(script)
    first = await asolve(TASK, experts=[expert.value], strategy="synthesis", journal=journal)
    asked = len(expert.requests)
    again = await asolve(TASK, experts=[expert.value], strategy="synthesis", journal=journal)
    assert len(expert.requests) == asked == 6
    assert (first.chosen, first.confidence, first.ranking) == (again.chosen, again.confidence, again.ranking)
    assert again.usage.cached_calls == 6


async def test_a_finished_run_may_be_aggregated_anew() -> None:
    journal, expert = MemoryJournal(), ScriptedExpert(script)
    await asolve(TASK, experts=[expert.value], strategy="self_consistency(samples=5)", journal=journal)
    out = await asolve(
        TASK, experts=[expert.value], strategy="self_consistency(samples=5)", aggregator="synthesis", journal=journal
    )
    assert (out.answer, out.usage.calls, out.usage.cached_calls) == ("42", 6, 5)


async def test_one_of_each_of_several_experts() -> None:
    pool = [ScriptedExpert(script, id=f"e{i}") for i in range(3)]
    out = await asolve(TASK, experts=[wide(e, e.value.id) for e in pool], strategy="synthesis")
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e2"]
    assert [len(expert.requests) for expert in pool] == [2, 1, 1]


@pytest.mark.parametrize(("cap", "samples", "made"), [(1, 1, 1), (2, 1, 1), (3, 2, 3), (6, 5, 6), (99, 5, 6)])
async def test_ladder(cap: int, samples: int, made: int) -> None:
    expert = ScriptedExpert(script)
    out = await asolve(TASK, experts=[expert.value], strategy="synthesis", budget=Budget(calls=cap))
    assert (len(out.candidates), out.usage.calls, out.stopped_by) == (samples, made, "done")


def test_estimate() -> None:
    assert Synthesis().estimate(TASK, experts=1) == Estimate(5, 5.0, 5, 1)
    assert Synthesis().estimate(TASK, experts=3) == Estimate(3, 3.0, 3, 1)


def test_no_samples_is_said() -> None:
    with pytest.raises(ValueError, match="samples"):
        Synthesis(samples=0)
