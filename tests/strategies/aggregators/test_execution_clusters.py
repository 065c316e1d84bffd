"""Programs that do the same on the same inputs."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator import asolve
from orchestrator.errors import VerifierError
from orchestrator.sandbox import Output, Sandbox
from orchestrator.strategies.aggregators.execution_clusters import ExecutionClusters, spelled
from orchestrator.types import Candidate, Choice, Estimate, Example, Problem, Scored
from tests.cycling import cycling
from tests.strategies.golden import calls
from tests.strategies.judging import ASKED, ids, running
from tests.strategies.writing import BROKEN, DOUBLE, PLUS, RIGHT, SAME, SQUARE, answering, candidate, expecting, written

INPUTS = expecting((2, 0), (3, 0), (5, 0))
"""Arguments of tests that nobody passes: what they expect does not matter."""
NEARLY = "def double(x):\n    return 2 * x if x != 5 else 0\n"
THIRD = "def double(x):\n    return 2 * x if x != 3 else 0\n"


async def chosen(
    sandbox: Sandbox,
    scored: Sequence[Scored],
    reply: str = INPUTS,
    rules: ExecutionClusters | None = None,
    problem: Problem = DOUBLE,
) -> Choice:
    rules = rules or ExecutionClusters()
    async with running(sandbox, problem, cycling(reply)) as run:
        return await replace(rules, samples=1)(problem, scored, run)


class TestLargest:
    async def test_the_largest_cluster_wins_whatever_the_tests_expect(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(PLUS, SQUARE, RIGHT, SAME))
        assert (ids(choice), choice.chosen_by, choice.confidence) == (["2", "0", "1", "3"], "vote", 0.5)

    async def test_copies_count(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(RIGHT, SAME, SQUARE, SQUARE, SQUARE))
        assert (ids(choice), choice.confidence) == (["2", "0", "1"], 0.6)

    async def test_of_a_cluster_the_program_that_most_wrote(self, sandbox: Sandbox) -> None:
        assert ids(await chosen(sandbox, written(RIGHT, SAME, SAME, SQUARE)))[0] == "1"

    async def test_a_tie_goes_to_the_earliest(self, sandbox: Sandbox) -> None:
        assert ids(await chosen(sandbox, written(SQUARE, RIGHT))) == ["0", "1"]

    async def test_those_who_fail_on_every_input_never_win(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(BROKEN, BROKEN, BROKEN, RIGHT, "def other(): pass\n"))
        assert (ids(choice)[0], choice.confidence) == ("3", 1.0)

    async def test_unless_all_do(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(BROKEN, "def other(): pass\n"))
        assert (ids(choice)[0], choice.confidence) == ("0", 0.0)

    async def test_an_exception_is_an_outcome_like_any_other(self, sandbox: Sandbox) -> None:
        """Three agree that 5 is refused, by one class of exception, whatever they say of it."""
        refusing = [
            f"def double(x):\n    if x == 5:\n        raise ValueError('{i}')\n    return 2 * x\n" for i in range(3)
        ]
        other = "def double(x):\n    if x == 5:\n        raise KeyError(x)\n    return 2 * x\n"
        choice = await chosen(sandbox, written(RIGHT, SAME, other, *refusing))
        assert (ids(choice)[0], choice.confidence) == ("3", 0.5)

    async def test_the_order_of_arrival_changes_nothing(self, sandbox: Sandbox) -> None:
        scored = written(PLUS, RIGHT, SAME, SQUARE, RIGHT, BROKEN)
        arrived = random.Random(3).sample(scored, len(scored))
        assert await chosen(sandbox, arrived) == await chosen(sandbox, scored)


class TestPick:
    """Of the biggest cluster, the right programs: how many wrote each, or what plans they come from."""

    LONG = "def double(x):\n    result = x + x\n    return result\n"

    @staticmethod
    def planned(*programs: tuple[str, str | None]) -> list[Scored]:
        return [Scored(replace(candidate(i, program), plan=plan)) for i, (program, plan) in enumerate(programs)]

    async def test_planned_is_the_plan_with_most_different_programs_and_not_with_most_copies(
        self, sandbox: Sandbox
    ) -> None:
        programs = self.planned(
            (RIGHT, "copier"), (RIGHT, "copier"), (RIGHT, "copier"), (self.LONG, "a"), (SAME, "a"), (SQUARE, "b"),
        )  # fmt: skip
        assert ids(await chosen(sandbox, programs))[0] == "0"
        assert ids(await chosen(sandbox, programs, rules=ExecutionClusters(pick="planned")))[0] == "4", "the shorter"

    async def test_a_program_that_several_plans_lead_to_has_the_best_of_them(self, sandbox: Sandbox) -> None:
        programs = self.planned((SAME, "a"), (RIGHT, "b"), (self.LONG, "b"), (RIGHT, "a"), (SAME, "c"))
        choice = await chosen(sandbox, programs, rules=ExecutionClusters(pick="planned"))
        assert (ids(choice), choice.confidence) == (["0", "1", "2"], 1.0)

    async def test_without_plans_every_program_has_one_and_the_shortest_is_picked(self, sandbox: Sandbox) -> None:
        programs = self.planned((self.LONG, None), (self.LONG, None), (RIGHT, None))
        assert ids(await chosen(sandbox, programs, rules=ExecutionClusters(pick="planned")))[0] == "2"

    async def test_only_what_the_biggest_cluster_does_counts(self, sandbox: Sandbox) -> None:
        programs = self.planned(
            (SQUARE, "a"), ("def double(x):\n    return x ** 2\n", "a"), *[(RIGHT, p) for p in "bcd"]
        )
        choice = await chosen(sandbox, programs, rules=ExecutionClusters(pick="planned"))
        assert (ids(choice)[0], choice.confidence) == ("2", 0.6)


class TestMinimumBayesRisk:
    async def test_agreement_on_most_inputs_counts(self, sandbox: Sandbox) -> None:
        """The right one agrees with both that fail on one input, more than two equal squares do with anybody."""
        programs = written(SQUARE, SQUARE, NEARLY, RIGHT, THIRD)
        inputs = expecting((3, 0), (5, 0), (7, 0))
        assert ids(await chosen(sandbox, programs, inputs))[0] == "0"
        choice = await chosen(sandbox, programs, inputs, ExecutionClusters("mbr"))
        assert (ids(choice)[0], choice.chosen_by) == ("3", "weight")

    async def test_it_is_the_mean_share_of_outcomes_in_common_with_the_others(self, sandbox: Sandbox) -> None:
        """2 -> 4 is common to all; 4, 6, 10 against 4, 9, 25 against 4, 5, 7."""
        choice = await chosen(sandbox, written(RIGHT, SAME, SQUARE, PLUS), rules=ExecutionClusters("mbr"))
        right, other = (1 + 1 / 3 + 1 / 3) / 3, 1 / 3
        assert choice.confidence == pytest.approx(right / (right + other + other))


class TestInputs:
    async def test_those_of_public_tests_come_first(self, sandbox: Sandbox) -> None:
        """With the one input 2 all are one cluster; with 3 they are not."""
        problem = replace(DOUBLE, public_tests=("assert double(2) == 4",))
        programs = written(SQUARE, RIGHT, PLUS)
        alone = await chosen(sandbox, programs, expecting((3, 6)), ExecutionClusters(inputs=1), problem)
        assert (ids(alone), alone.confidence) == (["0", "1", "2"], 1.0)
        more = await chosen(sandbox, programs, expecting((3, 6)), ExecutionClusters(inputs=2), problem)
        assert more.confidence == pytest.approx(1 / 3)

    async def test_public_tests_filter_first(self, sandbox: Sandbox) -> None:
        problem = replace(DOUBLE, public_tests=("assert double(3) == 6",))
        choice = await chosen(sandbox, written(SQUARE, SQUARE, RIGHT, THIRD, NEARLY), problem=problem)
        assert set(ids(choice)) == {"2", "4"}

    async def test_without_any_it_is_the_majority(self, sandbox: Sandbox) -> None:
        choice = await chosen(sandbox, written(SQUARE, RIGHT, RIGHT), "assert double(x=1) == 2")
        assert (ids(choice), choice.chosen_by) == (["1", "0"], "vote")

    async def test_one_program_needs_none(self, sandbox: Sandbox) -> None:
        expert = cycling("No.")
        async with running(sandbox, DOUBLE, expert) as run:
            choice = await ExecutionClusters()(DOUBLE, written(RIGHT, None), run)
        assert (ids(choice), choice.confidence, expert.requests) == (["0"], 1.0, [])

    async def test_no_program_is_none(self, sandbox: Sandbox) -> None:
        assert await chosen(sandbox, written(None)) == Choice(None, 0.0, "none")

    async def test_other_kinds_are_not_chosen_among(self, sandbox: Sandbox) -> None:
        scored = [Scored(Candidate("0", "p", "8", "8", "8", "e", "s", (0,)))]
        with pytest.raises(VerifierError, match="is of kind number; only programs can be run"):
            await chosen(sandbox, scored, problem=ASKED)


SAME_VALUE = [
    (1, 1.0),
    (True, 1),
    (0.1 + 0.2, 0.3),
    ({1, 2}, {2, 1}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (math.nan, math.nan),
    (10**5000, 10**5000),
    ("x" * 10**6, "x" * 10**6),
]
OTHER_VALUE = [
    (0.3, 0.300001),
    ([1, 2], [2, 1]),
    ([1], (1,)),
    ("1", 1),
    (None, "None"),
    ("a, b", ["a", "b"]),
    (["a', 'b"], ["a", "b"]),
    (math.inf, -math.inf),
    (10**5000, 10**5000 + 1),
    (b"a", "a"),
    (1 + 0j, 1),
]


def test_equal_values_are_one_outcome() -> None:
    for a, b in SAME_VALUE:
        assert spelled(Output("passed", a)) == spelled(Output("passed", b))


def test_other_values_are_another() -> None:
    for a, b in OTHER_VALUE:
        assert spelled(Output("passed", a)) != spelled(Output("passed", b))


def test_a_failure_is_never_a_value() -> None:
    assert spelled(Output("error", None, "KeyError: 1", "KeyError")) == "KeyError"
    assert spelled(Output("passed", "KeyError")) != "KeyError"


async def test_golden_trace() -> None:
    """Right where a vote is wrong: two that are written in different ways do the same."""
    expert = answering({0: SQUARE, 1: RIGHT, 2: SQUARE, 3: SAME, 4: "def double(x):\n    return x * 2\n"}, INPUTS)
    out = await asolve(
        DOUBLE,
        experts=[expert.value],
        strategy="self_consistency(samples=5)",
        aggregator="execution_clusters(samples=2)",
    )
    assert (out.answer, out.chosen_by, out.confidence) == (RIGHT, "vote", 0.6)
    assert calls(out) == [((0, i), "answer") for i in range(5)] + [((2**31, 0, i), "tests") for i in range(2)]
    vote = await asolve(DOUBLE, experts=[expert.value], strategy="self_consistency(samples=5)")
    assert vote.answer == SQUARE


def test_estimate() -> None:
    assert ExecutionClusters().estimate(DOUBLE, 3) == Estimate(0, 10.0, 10, 1)
    assert ExecutionClusters().estimate_over(DOUBLE, 3, 2) == Estimate(0, 10.0, 10, 1)
    assert ExecutionClusters().estimate_over(DOUBLE, 3, 1) == Estimate(0, 0.0, 0, 0)


@pytest.mark.parametrize(
    "problem",
    [Problem("n", (), "number"), Problem("w", (), "code", examples=(Example("1", "2"),))],
    ids=["another kind", "a whole program"],
)
def test_no_calls_are_foreseen_where_no_tests_can_be_written(problem: Problem) -> None:
    assert ExecutionClusters().estimate(problem, 1) == Estimate(0, 0.0, 0, 0)


@pytest.mark.parametrize(
    "fields", [{"samples": 0}, {"per_sample": 0}, {"inputs": 0}, {"rule": "best"}, {"timeout": 0.0}]
)
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|largest or mbr|more than 0"):
        ExecutionClusters(**fields)  # type: ignore[arg-type]
