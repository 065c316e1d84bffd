"""Trials: which tests a program fails, and what of it is told."""

from __future__ import annotations

from orchestrator import Example, Message, Problem
from orchestrator.sandbox import Asserts, Limits, Sandbox
from orchestrator.strategies._public_tests import public_suites
from orchestrator.strategies._trials import Trial, tried

from .judging import running
from .writing import DOUBLE, PUBLIC, RIGHT, SQUARE


def test_no_tests_at_all_is_no_pass() -> None:
    assert not Trial((), ()).all_passed
    assert Trial(("a",), ()).all_passed
    assert not Trial(("a",), ("b",)).all_passed


async def trial(sandbox: Sandbox, program: str, problem: Problem) -> Trial:
    async with running(sandbox, problem) as run:
        return await tried(program, tuple(public_suites(problem)), Limits(2.0), run)


async def test_of_the_tests_that_fail_the_smallest_is_told(sandbox: Sandbox) -> None:
    tests = ("assert double(10) == 20, 'twice ten is twenty'", "assert double(3) == 6", "assert double(2) == 4")
    problem = Problem("p", DOUBLE.messages, "code", public_tests=tests)
    found = await trial(sandbox, SQUARE, problem)
    assert (found.passed, found.smallest) == (("assert double(2) == 4",), "assert double(3) == 6")
    assert found.end.startswith("What happens: failed")
    assert not found.all_passed


async def test_a_program_that_passes_all(sandbox: Sandbox) -> None:
    found = await trial(sandbox, RIGHT, PUBLIC)
    assert (found.all_passed, found.smallest) == (True, "")
    assert found.report().startswith("It passes 2 of 2 tests.")


async def test_examples_of_whole_programs_tell_input_and_output(sandbox: Sandbox) -> None:
    problem = Problem("p", (Message("user", "Double it."),), "code", examples=(Example("3\n", "6\n"),))
    found = await trial(sandbox, "print(int(input()) ** 2)", problem)
    assert found.smallest == "Input:\n3\nExpected output:\n6"
    assert "wrong output, '9\\n'" in found.end


async def test_examples_of_functions_tell_arguments_and_value(sandbox: Sandbox) -> None:
    problem = Problem("p", DOUBLE.messages, "code", examples=(Example("3", "6", entry="double"),))
    found = await trial(sandbox, SQUARE, problem)
    assert found.smallest == "double(3) should return 6"


async def test_a_program_that_cannot_start_fails_every_test(sandbox: Sandbox) -> None:
    async with running(sandbox, DOUBLE) as run:
        suite = Asserts(("assert double(2) == 4", "assert double(3) == 6"), trusted=False)
        found = await tried("def double(x:\n", (suite,), Limits(2.0), run)
    assert (found.passed, len(found.failed)) == ((), 2)
    assert "SyntaxError" in found.end, found.end


async def test_many_tests_are_listed_in_part(sandbox: Sandbox) -> None:
    tests = tuple(f"assert double({n}) == {2 * n}" for n in range(3, 23))
    found = await trial(sandbox, SQUARE, Problem("p", DOUBLE.messages, "code", public_tests=tests))
    assert "... and 12 more" in found.report()


async def test_of_tests_that_were_not_run_none_is_told(sandbox: Sandbox) -> None:
    endless = "def double(x):\n    while True:\n        pass\n"
    tests = ("assert double(1234567) == 2469134", "assert double(3) == 6")
    async with running(sandbox, DOUBLE) as run:
        found = await tried(endless, (Asserts(tests),), Limits(0.3, wall=3.0), run)
    assert found.smallest == tests[0]
    assert "timeout" in found.end
    assert len(found.failed) == 2
