"""The share of model-written tests that a program passes."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator import Budget, asolve
from orchestrator.errors import VerifierError
from orchestrator.sandbox import Sandbox
from orchestrator.strategies.verifiers.generated_tests import GeneratedTests
from orchestrator.types import Estimate, Verdict
from tests.cycling import cycling
from tests.strategies.golden import calls
from tests.strategies.judging import ASKED, answered, running
from tests.strategies.writing import DOUBLE, PLUS, RIGHT, SQUARE, answering, candidate, expecting

TWO = expecting((2, 4), (3, 6)), expecting((2, 4), (0, 1))
"""One test that is written twice, one that is right, one that is wrong."""


async def scored(sandbox: Sandbox, program: str | None, *replies: str) -> Verdict:
    async with running(sandbox, DOUBLE, cycling(*replies)) as run:
        return await GeneratedTests(samples=len(replies))(DOUBLE, candidate(0, program), run)


async def test_a_test_counts_as_often_as_it_was_written(sandbox: Sandbox) -> None:
    assert (await scored(sandbox, RIGHT, *TWO)).score == 3 / 4
    assert (await scored(sandbox, SQUARE, *TWO)).score == 2 / 4


async def test_nobody_passes_for_the_tests_may_be_wrong(sandbox: Sandbox) -> None:
    found = await scored(sandbox, RIGHT, expecting((2, 4), (3, 6)))
    assert found == Verdict(1.0, None, "passes 2 of 2 written tests", "generated_tests")


async def test_the_reason_names_a_test_that_is_not_passed(sandbox: Sandbox) -> None:
    found = await scored(sandbox, SQUARE, *TWO)
    assert found.reason == "passes 1 of 3 written tests, not assert double(3) == 6"


async def test_no_program_fails_without_a_call(sandbox: Sandbox) -> None:
    expert = cycling(*TWO)
    async with running(sandbox, DOUBLE, expert) as run:
        found = await GeneratedTests()(DOUBLE, candidate(0, None), run)
    assert found == Verdict(0.0, False, "there is no program in the reply", "generated_tests")
    assert expert.requests == []


async def test_candidates_share_the_tests(sandbox: Sandbox) -> None:
    expert = cycling(*TWO)
    async with running(sandbox, DOUBLE, expert) as run, asyncio.TaskGroup() as group:
        checks = [
            group.create_task(GeneratedTests(samples=2)(DOUBLE, candidate(i, program), run))
            for i, program in enumerate((RIGHT, SQUARE, PLUS, RIGHT))
        ]
    assert [check.result().score for check in checks] == [0.75, 0.5, 0.5, 0.75]
    assert len(expert.requests) == 2


async def test_without_any_test_the_candidate_is_unchecked(sandbox: Sandbox) -> None:
    async with running(sandbox, DOUBLE, cycling("No.")) as run:
        with pytest.raises(VerifierError, match="nothing that was written for problem p is a test"):
            await GeneratedTests(samples=1)(DOUBLE, candidate(0, RIGHT), run)


async def test_other_kinds_are_unchecked(sandbox: Sandbox) -> None:
    async with running(sandbox, ASKED, cycling("No.")) as run:
        with pytest.raises(VerifierError, match="is of kind number"):
            await GeneratedTests(samples=1)(ASKED, answered(0, "8"), run)


async def test_golden_trace() -> None:
    """Two calls for tests however many candidates there are; the one that passes most is chosen, unlike by a vote."""
    expert = answering({0: SQUARE, 1: RIGHT, 2: SQUARE}, expecting((1, 2), (3, 6), (2, 4)))
    out = await asolve(
        DOUBLE,
        experts=[expert.value],
        strategy="best_of_n(samples=3)",
        verifier="generated_tests(samples=2)",
    )
    assert (out.answer, out.chosen_by, out.confidence, out.stopped_by) == (RIGHT, "score", 1.0, "done")
    made = calls(out)
    assert made[:3] == [((0, i), "answer") for i in range(3)]
    assert [purpose for _, purpose in made[3:]] == ["tests"] * 2
    assert out.usage.calls == 5


async def test_an_aggregator_that_wants_the_same_tests_is_given_these() -> None:
    expert = answering({0: SQUARE, 1: RIGHT, 2: SQUARE}, expecting((1, 2), (3, 6), (2, 4)))
    for aggregator in ("codet(samples=2)", "execution_clusters(samples=2)"):
        out = await asolve(
            DOUBLE,
            experts=[expert.value],
            strategy="best_of_n(samples=3)",
            verifier="generated_tests(samples=2)",
            aggregator=aggregator,
        )
        assert out.usage.calls == 5
        assert out.chosen_by in ("weight", "vote")


async def test_tests_that_are_none_are_asked_for_once_too() -> None:
    expert = answering(dict.fromkeys(range(5), RIGHT), "I would rather not.")
    out = await asolve(
        DOUBLE, experts=[expert.value], strategy="best_of_n(samples=5)", verifier="generated_tests(samples=2)"
    )
    assert out.usage.calls == 7
    assert all(scored.verdict is None for scored in out.candidates)
    assert "nothing that was written" in out.reason


async def test_all_candidates_together_take_no_more_of_a_cap_than_the_tests() -> None:
    expert = answering(dict.fromkeys(range(9), RIGHT), expecting((1, 2)))
    out = await asolve(
        DOUBLE,
        experts=[expert.value],
        strategy="best_of_n",
        verifier="generated_tests(samples=2)",
        budget=Budget(calls=7),
    )
    assert (len(out.candidates), out.usage.calls, out.stopped_by) == (5, 7, "done")
    assert all(scored.verdict is not None for scored in out.candidates)


def test_estimate() -> None:
    assert GeneratedTests().estimate(DOUBLE, 3) == Estimate(10, 10.0, 10, 1)


@pytest.mark.parametrize("fields", [{"samples": 0}, {"per_sample": 0}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        GeneratedTests(**fields)  # type: ignore[arg-type]
