"""Programs and tests that vouch for each other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator import asolve
from orchestrator.errors import VerifierError
from orchestrator.sandbox import Sandbox
from orchestrator.strategies.aggregators.codet import CodeT
from orchestrator.types import Candidate, Choice, Estimate, Example, Problem, Scored, Verdict
from tests.cycling import cycling
from tests.strategies.golden import calls
from tests.strategies.judging import ASKED, ids, running
from tests.strategies.writing import BROKEN, DOUBLE, PLUS, RIGHT, SAME, SQUARE, answering, candidate, expecting, written


async def chosen(
    sandbox: Sandbox, scored: Sequence[Scored], *replies: str, rules: CodeT | None = None, problem: Problem = DOUBLE
) -> Choice:
    rules = rules or CodeT(power=0.5)
    async with running(sandbox, problem, cycling(*replies)) as run:
        return await replace(rules, samples=len(replies))(problem, scored, run)


class TestGroups:
    """The test 2 -> 4 suits `2 * x`, `x * x` and `x + 2`; 3 -> 6 the first, 3 -> 9 the second, 1 -> 3 the last."""

    async def test_a_group_weighs_its_programs_times_its_tests(self, sandbox: Sandbox) -> None:
        """Four programs with one test beat one with three."""
        tests = expecting((3, 6), (4, 8), (5, 10)), expecting((1, 3))
        choice = await chosen(sandbox, written(PLUS, PLUS, PLUS, PLUS, RIGHT), *tests, rules=CodeT())
        assert (ids(choice), choice.chosen_by) == (["0", "4"], "weight")
        assert choice.confidence == pytest.approx(4 / 7)

    async def test_or_the_root_of_its_programs_times_its_tests(self, sandbox: Sandbox) -> None:
        """Then one program with three tests, 3, beats four with one, 2."""
        tests = expecting((3, 6), (4, 8), (5, 10)), expecting((1, 3))
        choice = await chosen(sandbox, written(PLUS, PLUS, PLUS, PLUS, RIGHT), *tests)
        assert (ids(choice), choice.confidence) == (["4", "0"], pytest.approx(3 / 5))

    async def test_programs_and_tests_count_as_often_as_they_were_written(self, sandbox: Sandbox) -> None:
        """Regression test 15: two squares, sqrt(2) times 1, against one right one, 1 times 2."""
        tests = expecting((3, 9)), expecting((3, 6)), expecting((3, 6))
        programs = written(SQUARE, SQUARE, RIGHT)
        choice = await chosen(sandbox, programs, *tests)
        assert (ids(choice), choice.confidence) == (["2", "0"], pytest.approx(2 / (2 + 2**0.5)))
        assert ids(await chosen(sandbox, programs, *tests[:2])) == ["0", "2"]

    async def test_or_once_each_where_copies_are_not_to_count(self, sandbox: Sandbox) -> None:
        """Two spellings of the right program count as two, three copies of the square as one."""
        tests = expecting((3, 9)), expecting((3, 6)), expecting((3, 9))
        programs = written(SQUARE, SQUARE, SQUARE, RIGHT, SAME)
        assert ids(await chosen(sandbox, programs, *tests))[0] == "0"
        choice = await chosen(sandbox, programs, *tests, rules=CodeT(power=0.5, distinct=True))
        assert (ids(choice)[0], choice.confidence) == ("3", pytest.approx(2**0.5 / (1 + 2**0.5)))

    async def test_programs_that_pass_the_same_are_one_group(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(PLUS, RIGHT, SAME, SAME), expecting((3, 6), (1, 3)))
        assert ids(choice) == ["2", "0", "1"], "the best of every group first, of a group the one most often written"
        assert choice.confidence == pytest.approx(3**0.5 / (1 + 3**0.5))

    async def test_tests_that_all_pass_or_none_say_nothing_in_strict_mode(self, sandbox: Sandbox) -> None:
        """Four tests suit everybody: they make 5 * 2 of two wrong ones and 6 * sqrt(1) of a right one."""
        tests = expecting((2, 4), (2, 4), (2, 4), (2, 4), (3, 9)), expecting((3, 6), (4, 8))
        programs = written(SQUARE, SQUARE, RIGHT)
        assert ids(await chosen(sandbox, programs, *tests)) == ["0", "2"]
        choice = await chosen(sandbox, programs, *tests, rules=CodeT(power=0.5, strict=True))
        assert (ids(choice), choice.confidence) == (["2", "0"], pytest.approx(2 / (2 + 2**0.5)))

    async def test_of_equal_groups_the_one_with_the_earliest_supporter(self, sandbox: Sandbox) -> None:
        tests = expecting((3, 6), (3, 9))
        assert ids(await chosen(sandbox, written(RIGHT, SQUARE), *[tests])) == ["0", "1"]
        assert ids(await chosen(sandbox, written(SQUARE, RIGHT), *[tests])) == ["0", "1"]

    async def test_the_order_of_arrival_changes_nothing(self, sandbox: Sandbox) -> None:
        scored = written(PLUS, RIGHT, SAME, SQUARE, RIGHT)
        tests = expecting((3, 6), (1, 3), (2, 4))
        arrived = random.Random(7).sample(scored, len(scored))
        assert await chosen(sandbox, arrived, tests) == await chosen(sandbox, scored, tests)


class TestWithoutTests:
    async def test_when_nobody_passes_any_it_is_the_majority(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(BROKEN, RIGHT, RIGHT), expecting((1, 7)))
        assert (ids(choice), choice.chosen_by, choice.confidence) == (["1", "0"], "vote", pytest.approx(2 / 3))

    async def test_in_strict_mode_too(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(RIGHT, SAME), expecting((1, 2)), rules=CodeT(power=0.5, strict=True))
        assert (ids(choice), choice.chosen_by) == (["0", "1"], "vote")

    async def test_one_program_needs_none(self, sandbox: Sandbox) -> None:
        expert = cycling("No.")
        async with running(sandbox, DOUBLE, expert) as run:
            choice = await CodeT()(DOUBLE, written(RIGHT, None, RIGHT), run)
        assert (ids(choice), choice.confidence, choice.chosen_by, expert.requests) == (["0"], 1.0, "vote", [])

    async def test_no_program_is_none(self, sandbox: Sandbox) -> None:
        assert await chosen(sandbox, written(None), "No.") == Choice(None, 0.0, "none")

    async def test_nothing_that_is_a_test_is_said(self, sandbox: Sandbox) -> None:
        with pytest.raises(VerifierError, match="is a test of its function"):
            await chosen(sandbox, written(RIGHT, SQUARE), "I would rather not.")

    async def test_other_kinds_are_not_chosen_among(self, sandbox: Sandbox) -> None:
        scored = [Scored(Candidate("0", "p", "8", "8", "8", "e", "s", (0,)))]
        with pytest.raises(VerifierError, match="is of kind number; only programs can be run"):
            await chosen(sandbox, scored, "No.", problem=ASKED)


class TestWhoTakesPart:
    PUBLIC = replace(DOUBLE, public_tests=("assert double(2) == 4", "assert double(5) == 10"))

    async def test_who_passes_most_of_the_public_tests(self, sandbox: Sandbox) -> None:
        wrong = expecting((3, 9), (1, 1), (4, 16))
        assert ids(await chosen(sandbox, written(SQUARE, SQUARE, RIGHT), wrong)) == ["0", "2"]
        choice = await chosen(sandbox, written(SQUARE, SQUARE, RIGHT, SAME), wrong, problem=self.PUBLIC)
        assert (ids(choice), choice.chosen_by) == (["2", "3"], "vote")

    async def test_who_failed_a_check_only_where_all_did(self, sandbox: Sandbox) -> None:
        failed = [Scored(candidate(i, SQUARE), Verdict(0.0, False, "", "v")) for i in range(2)]
        wrong = expecting((3, 9), (3, 9))
        assert ids(await chosen(sandbox, [*failed, Scored(candidate(2, RIGHT))], wrong)) == ["2"]
        assert ids(await chosen(sandbox, failed, wrong)) == ["0"]


async def test_golden_trace() -> None:
    """Right where a vote over the same samples is wrong; the tests are asked for once the candidates are there."""
    expert = answering({0: SQUARE, 1: RIGHT, 2: SQUARE, 3: SAME}, expecting((2, 4), (3, 6), (1, 2)))
    out = await asolve(
        DOUBLE,
        experts=[expert.value],
        strategy="self_consistency(samples=4)",
        aggregator="codet(samples=2)",
    )
    vote = await asolve(DOUBLE, experts=[expert.value], strategy="self_consistency(samples=4)")
    assert (out.answer, out.chosen_by, out.stopped_by) == (RIGHT, "weight", "done")
    assert vote.answer == SQUARE
    made = calls(out)
    assert made == [((0, i), "answer") for i in range(4)] + [((2**31, 0, i), "tests") for i in range(2)]
    assert out.usage.calls == 4 + CodeT(samples=2).estimate(DOUBLE, 1).most


async def test_where_no_test_was_written_the_majority_is_taken_and_the_reason_said() -> None:
    expert = answering({0: SQUARE, 1: RIGHT, 2: SQUARE}, "No.")
    out = await asolve(
        DOUBLE, experts=[expert.value], strategy="self_consistency(samples=3)", aggregator="codet(samples=2)"
    )
    assert (out.answer, out.chosen_by) == (SQUARE, "vote")
    assert "nothing that was written" in out.reason


def test_estimate() -> None:
    assert CodeT().estimate(DOUBLE, 3) == Estimate(0, 10.0, 10, 1)
    assert CodeT().estimate_over(DOUBLE, 3, 2) == Estimate(0, 10.0, 10, 1)
    assert CodeT().estimate_over(DOUBLE, 3, 1) == Estimate(0, 0.0, 0, 0)
    assert CodeT(ahead=True).estimate_over(DOUBLE, 3, 1) == Estimate(10, 10.0, 10, 0)


@pytest.mark.parametrize(
    "problem",
    [Problem("n", (), "number"), Problem("w", (), "code", examples=(Example("1", "2"),))],
    ids=["another kind", "a whole program"],
)
def test_no_calls_are_foreseen_where_no_tests_can_be_written(problem: Problem) -> None:
    assert CodeT().estimate(problem, 1) == Estimate(0, 0.0, 0, 0)


@pytest.mark.parametrize("fields", [{"samples": 0}, {"per_sample": 0}, {"power": -1.0}, {"timeout": 0.0}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least|more than"):
        CodeT(**fields)  # type: ignore[arg-type]
