"""Minimum Bayes risk: samples, and the one that has most in common with all others."""

from __future__ import annotations

import pytest

from orchestrator import Budget, Message, Problem, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.mbr import SamplesOfLeastRisk
from orchestrator.types import Estimate
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .writing import DOUBLE, PLUS, RIGHT, SAME, answering, expecting

TASK = Problem("p", (Message("user", "Why is the sky blue?"),))
SAID = ("the sea", "air scatters blue", "blue is scattered", "the sea", "air scatters blue light")


def solver(latency: float = 0.0) -> ScriptedExpert:
    return ScriptedExpert(lambda r: f"Final answer: {SAID[r.sample_index % 5]}", latency=latency)


def test_golden_trace() -> None:
    expert = solver(latency=1.0)
    out, seconds = run_virtual(asolve(TASK, experts=[expert.value], strategy="mbr(samples=5)"))
    assert calls(out) == [((0, i), "answer") for i in range(5)]
    assert emitted(out) == [((0, i, 0), SAID[i]) for i in range(5)]
    assert batches(expert) == [[0, 1, 2, 3, 4]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.stopped_by, seconds) == ("air scatters blue", "weight", "done", 1.0)


async def test_programs_are_chosen_by_what_they_return() -> None:
    expert = answering({0: PLUS, 1: RIGHT, 2: SAME}, expecting((3, 6), (5, 10)))
    out = await asolve(DOUBLE, experts=[expert.value], strategy="mbr(samples=3)")
    assert (out.answer, out.usage.calls) == (RIGHT, 3 + 10)


async def test_the_utility_is_the_strategys_own_setting() -> None:
    expert = answering({0: PLUS, 1: RIGHT, 2: SAME}, expecting((3, 6)))
    out = await asolve(DOUBLE, experts=[expert.value], strategy="mbr(samples=3, utility=exact)")
    assert (out.answer, out.chosen_by, out.usage.calls) == (PLUS, "vote", 3)
    assert str(build("strategies", "mbr").aggregator) == "mbr"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("cap", "samples"), [(1, 1), (4, 4), (10, 10), (99, 10)])
async def test_ladder(cap: int, samples: int) -> None:
    out = await asolve(TASK, experts=[solver().value], strategy="mbr", budget=Budget(calls=cap))
    assert (len(out.candidates), out.usage.calls, out.stopped_by) == (samples, samples, "done")


async def test_ladder_leaves_room_for_the_inputs_of_programs() -> None:
    expert = answering(dict.fromkeys(range(10), RIGHT), expecting((3, 6)))
    out = await asolve(DOUBLE, experts=[expert.value], strategy="mbr", budget=Budget(calls=12))
    assert (len(out.candidates), out.stopped_by) == (2, "done")


async def test_a_single_program_needs_no_inputs() -> None:
    expert = answering(dict.fromkeys(range(10), RIGHT), expecting((3, 6)))
    out = await asolve(DOUBLE, experts=[expert.value], strategy="mbr", budget=Budget(calls=5))
    assert (out.answer, out.usage.calls, out.stopped_by) == (RIGHT, 1, "done")


def test_estimate() -> None:
    assert SamplesOfLeastRisk(samples=7).estimate(TASK, experts=3) == Estimate(7, 7.0, 7, 1)


@pytest.mark.parametrize("fields", [{"samples": 0}, {"utility": "vibes"}])
def test_fields_out_of_range_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"samples counts|utility is one of"):
        SamplesOfLeastRisk(**fields)  # type: ignore[arg-type]
