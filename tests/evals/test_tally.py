from __future__ import annotations

import gc
import random
import tracemalloc
from typing import Any

import pytest

from orchestrator.evals.metrics import wilson
from orchestrator.evals.results import CandidateLine, ResultLine
from orchestrator.evals.tally import Tally
from orchestrator.types import Usage


def line(number: int, correct: bool | None, *candidates: tuple[int | None, bool | None], **fields: Any) -> ResultLine:
    made = tuple(
        CandidateLine(
            id=str(i), expert="e", answer=None if group is None else str(group), group=group,
            correct=right, passed=None, score=None, finish="stop",
        )
        for i, (group, right) in enumerate(candidates)
    )  # fmt: skip
    plain: dict[str, Any] = {
        "problem": f"toy/{number}",
        "strategy": "cot",
        "seed": 0,
        "status": "answered",
        "answer": "x",
        "confidence": 0.5,
        "chosen": None,
        "chosen_by": "vote",
        "stopped_by": "done",
    }
    return ResultLine(**{**plain, "correct": correct, "candidates": made, **fields})


def row(*lines: ResultLine, usage: Usage | None = None) -> dict[str, Any]:
    tally = Tally()
    for one in lines:
        tally.add(one)
    tally.spend(usage or Usage())
    return tally.row("cot", 2.5)


def test_abstentions_and_errors_are_in_the_denominator() -> None:
    found = row(
        line(1, True, (0, True)),
        line(2, False, (None, False), status="unparsed", answer=None),
        line(3, False, status="error", answer=None, chosen_by="none", stopped_by="failed"),
        line(4, False, status="budget", answer=None, chosen_by="none", stopped_by="budget"),
        line(5, False, status="truncated", answer=None),
        line(6, False, status="refused", answer=None),
    )
    assert found["accuracy"] == pytest.approx(1 / 6)
    assert found["ci95"] == list(wilson(1, 6))
    assert (found["solved"], found["graded"], found["ungraded"]) == (1, 6, 0)
    assert [found[name] for name in ("answered", "unparsed", "truncated", "refused", "errors", "budget")] == [1] * 6
    assert found["chosen_by"] == {"none": 2, "vote": 4}
    assert found["stopped_by"] == {"budget": 1, "done": 4, "failed": 1}
    assert (found["candidates"], found["abstentions"]) == (2, 1)


def test_problems_without_a_reference_are_counted_apart() -> None:
    found = row(line(1, True, (0, True)), line(2, None, (0, None)))
    assert (found["accuracy"], found["graded"], found["ungraded"]) == (1.0, 1, 1)
    assert found["oracle"] == 1.0


def test_a_set_without_references_has_no_accuracy() -> None:
    found = row(line(1, None, (0, None)))
    assert found["accuracy"] is None
    assert found["oracle"] is None
    assert found["selection_efficiency"] is None
    assert found["pass_at"] == {}
    assert found["ci95"] == [0.0, 1.0]


def test_coverage_and_what_selection_makes_of_it() -> None:
    found = row(
        line(1, True, (0, True), (1, False)),
        line(2, False, (0, False), (1, True)),
        line(3, False, (0, False), (0, False)),
        line(4, False, (None, False), (None, False)),
    )
    assert found["oracle"] == 0.5
    assert found["selection_efficiency"] == 0.5
    assert found["pass_at"] == {"1": pytest.approx(0.25), "2": pytest.approx(0.5)}


def test_an_answer_that_is_no_candidate_s_counts_for_coverage() -> None:
    assert row(line(1, True, (0, False)))["oracle"] == 1.0


def test_a_k_that_one_problem_cannot_serve_is_left_out() -> None:
    found = row(line(1, True, (0, True), (0, True)), line(2, True, (0, True)))
    assert found["pass_at"] == {"1": 1.0}


def test_coverage_is_unknown_where_candidates_were_not_graded() -> None:
    found = row(line(1, True, (0, True)), line(2, True, (0, None)))
    assert found["accuracy"] == 1.0
    assert found["oracle"] is None
    assert found["pass_at"] == {}


def test_several_seeds_do_not_narrow_the_interval() -> None:
    lines = [line(number, number < 3, (0, True), seed=seed) for number in range(4) for seed in range(5)]
    found = row(*lines)
    assert found["accuracy"] == 0.75
    assert found["ci95"] == list(wilson(3, 4))


def test_spending_is_summed_and_told_by_problem() -> None:
    usage = Usage(calls=6, cached_calls=2, prompt_tokens=100, completion_tokens=50, usd=0.5, truncated=1, failed=2)
    found = row(line(1, True), line(2, True), usage=usage)
    assert (found["calls"], found["cached_calls"], found["calls_per_problem"]) == (6, 2, 3.0)
    assert (found["prompt_tokens"], found["completion_tokens"], found["usd"], found["seconds"]) == (100, 50, 0.5, 2.5)
    assert (found["truncated_calls"], found["refused_calls"], found["failed_calls"]) == (1, 0, 2)


def test_diversity_is_that_of_the_answers() -> None:
    found = row(
        line(1, True, (0, True), (0, True), (1, False), (None, False)), line(2, True, (0, True)), line(3, False)
    )
    assert found["diversity"]["distinct"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["diversity"]["vendi"] == pytest.approx((1.889881574842 + 1) / 2)
    assert row()["diversity"] == {"vendi": None, "distinct": None}


def test_calibration_is_that_of_answers() -> None:
    answered = [line(i, i % 2 == 0, (0, True), confidence=0.8) for i in range(60)]
    silent = [line(i, False, status="unparsed", answer=None, confidence=0.0) for i in range(60, 120)]
    found = row(*answered, *silent)
    assert found["ece"] == pytest.approx(0.3)
    assert found["brier"] == pytest.approx((0.2**2 + 0.8**2) / 2)


def test_the_row_has_every_field_of_the_contract() -> None:
    contract = """strategy accuracy ci95 solved answered unparsed truncated refused errors calls cached_calls
        calls_per_problem prompt_tokens completion_tokens reasoning_tokens cached_prompt_tokens usd paid_usd seconds
        oracle selection_efficiency chosen_by ece diversity stopped_by pass_at"""
    assert set(contract.split()) <= row(line(1, True, (0, True))).keys()
    assert set(contract.split()) <= row().keys()


def test_the_order_of_lines_changes_nothing() -> None:
    rng = random.Random(3)
    lines = [line(i, rng.random() < 0.5, (0, rng.random() < 0.5), (1, False)) for i in range(80)]
    first = row(*lines)
    rng.shuffle(lines)
    second = row(*lines)
    assert {k: v for k, v in first.items() if k not in ("pass_at", "ece", "brier", "diversity")} == {
        k: v for k, v in second.items() if k not in ("pass_at", "ece", "brier", "diversity")
    }
    for name in ("pass_at", "diversity"):
        assert first[name] == pytest.approx(second[name])


def test_memory_does_not_grow_with_the_number_of_lines() -> None:
    tally = Tally()

    def add(numbers: range) -> None:
        for number in numbers:
            share = random.Random(number).random()
            tally.add(line(number, number % 3 == 0, (0, True), (1, False), confidence=share))

    add(range(500))
    tracemalloc.start()
    try:
        add(range(500, 5_500))
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 50_000
    finally:
        tracemalloc.stop()
