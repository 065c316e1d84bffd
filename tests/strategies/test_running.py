"""Programs on many tests and inputs, of which one without end must not cost the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.sandbox import Limits, Sandbox
from orchestrator.strategies._running import outputs, rows
from orchestrator.strategies._written import WrittenTest, WrittenTests
from orchestrator.types import Example, Problem
from tests.strategies.judging import running

from .writing import BROKEN, DOUBLE, ENDLESS, RIGHT, SQUARE

LIMITS = Limits(0.8)
TESTS = ("assert double(1) == 2", "assert double(3) == 6", "assert not double(0)", "assert double(2) == 4")


def written(*sources: str, entry: str = "double") -> WrittenTests:
    return WrittenTests(entry, tuple(map(WrittenTest, sources)))


async def row(
    sandbox: Sandbox, *programs: str, problem: Problem = DOUBLE, tests: WrittenTests | None = None
) -> list[str]:
    """By program a sign for each test: whether it was passed."""
    async with running(sandbox, problem) as run:
        found = await rows(programs, tests or written(*TESTS), LIMITS, run)
    return ["".join("+-"[not passed] for passed in one) for one in found]


async def test_every_program_on_every_test(sandbox: Sandbox) -> None:
    assert await row(sandbox, RIGHT, SQUARE, BROKEN, "def other(x): return 1", "def") == ["++++", "--++", *3 * ["----"]]


@pytest.mark.parametrize("tests", [TESTS, TESTS[::-1], ("assert not double(0)", "assert not double(3)", *TESTS)])
async def test_a_test_without_end_costs_no_other(sandbox: Sandbox, tests: tuple[str, ...]) -> None:
    (found,) = await row(sandbox, ENDLESS, tests=written(*tests))
    assert found == "".join("+-"["double(3)" in test] for test in tests)


async def test_a_crash_costs_one_test(sandbox: Sandbox) -> None:
    crashing = "import os\ndef double(x):\n    return os.abort() if x == 1 else 2 * x\n"
    assert await row(sandbox, crashing) == ["-+++"]


async def test_who_never_comes_to_an_end_is_given_up(sandbox: Sandbox) -> None:
    endless = "def double(x):\n    while True: pass\n"
    many = written(*(f"assert double({i}) == {i}" for i in range(50)))
    assert await row(sandbox, endless, "while True: pass", tests=many) == ["-" * 50] * 2


async def test_a_program_that_is_equal_to_everything_passes_no_test_by_that(sandbox: Sandbox) -> None:
    sly = "class Sly:\n    def __eq__(self, other): return True\ndef double(x): return Sly()\n"
    assert await row(sandbox, sly, tests=written(TESTS[0], TESTS[1])) == ["--"]


async def test_tests_may_call_the_method_of_a_solution(sandbox: Sandbox) -> None:
    problem = replace(DOUBLE, examples=(Example("1", "2", entry="double"),))
    method = "class Solution:\n    def double(self, x):\n        return 2 * x\n"
    assert await row(sandbox, method, RIGHT, problem=problem) == ["++++", "++++"]


async def test_a_header_that_the_problem_promises_is_there(sandbox: Sandbox) -> None:
    problem = replace(DOUBLE, meta={**DOUBLE.meta, "header": "import math"})
    program = "def double(x):\n    return math.floor(x) * 2\n"
    assert await row(sandbox, program) == ["----"]
    assert await row(sandbox, program, problem=problem) == ["++++"]


async def test_outputs_of_every_program(sandbox: Sandbox) -> None:
    async with running(sandbox, DOUBLE) as run:
        found = await outputs([RIGHT, ENDLESS, BROKEN], "double", [(1,), (3,), (2,)], LIMITS, run)
    told = [[one.value if one.verdict == "passed" else one.exception or one.verdict for one in each] for each in found]
    assert told == [[2, 6, 4], [2, "timeout", 4], ["ValueError"] * 3]


async def test_who_never_returns_is_given_up(sandbox: Sandbox) -> None:
    async with running(sandbox, DOUBLE) as run:
        (found,) = await outputs(
            ["def double(x):\n    while True: pass\n"], "double", [(i,) for i in range(50)], LIMITS, run
        )
    assert [one.verdict for one in found] == ["timeout"] * 50
