from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator.errors import VerifierError
from orchestrator.sandbox import Sandbox
from orchestrator.strategies.verifiers.unit_tests import UnitTests
from orchestrator.types import Candidate, Estimate, Example, Message, Problem, Verdict


@dataclass
class Running:
    """All of a run that this verifier asks for."""

    sandbox: Sandbox


@pytest.fixture(scope="module")
def run() -> Iterator[Any]:
    sandbox = Sandbox(workers=1)
    yield Running(sandbox)
    sandbox.close()


def asked(**fields: Any) -> Problem:
    return Problem("p", (Message("user", "?"),), "code", **fields)


async def verdict(verifier: UnitTests, problem: Problem, answer: str | None, run: Any) -> Verdict:
    found = await verifier(problem, Candidate("0", "p", "the whole reply", answer, answer, "e", "s", (0,)), run)
    assert 0 <= found.score <= 1
    assert found.verifier == "unit_tests"
    return found


ASSERTS = asked(public_tests=("assert f(1) == 2", "assert f(2) == 3", "import math\nassert f(0) == 0"))
PROGRAM = asked(examples=(Example("1 2\n", "3\n"), Example("2.5 1\n", "3.5\n")))
FUNCTION = asked(
    examples=(Example("[1, 2]\n0", "[1, 2]", "add"), Example("[1]\n5", "[6]", "add")),
    meta={"header": "from typing import *; import math"},
)


def test_checking_makes_no_calls() -> None:
    assert UnitTests().estimate(ASSERTS, 5) == Estimate(0, 0.0, 0, 0)


@pytest.mark.parametrize(
    ("program", "score", "says"),
    [
        ("def f(x): return x and x + 1", 1.0, ""),
        ("def f(x): return x + 1", 2 / 3, "failed in assert f(0) == 0: AssertionError"),
        ("def f(x): return x", 1 / 3, "failed in assert f(1) == 2: AssertionError"),
        ("def f(x): return 4 / (x - 1)", 0.0, "error in assert f(1) == 2: ZeroDivisionError"),
        ("def g(x): return x", 0.0, "f"),
        ("def f(x", 0.0, "SyntaxError"),
        (None, 0.0, "no program"),
    ],
    ids=range(7),
)
async def test_the_score_is_the_share_of_asserts_passed(program: str | None, score: float, says: str, run: Any) -> None:
    found = await verdict(UnitTests(), ASSERTS, program, run)
    assert found.score == pytest.approx(score)
    assert found.passed is (score == 1)
    assert says in found.reason


@pytest.mark.parametrize(
    ("program", "score", "says"),
    [
        ("a, b = map(float, input().split())\nprint(a + b)", 1.0, ""),
        ("a, b = map(int, input().split())\nprint(a + b)", 0.5, "error in input '2.5 1\\n': ValueError"),
        ("print('3')", 0.5, "failed in input '2.5 1\\n'"),
        ("", 0.0, "failed in input '1 2\\n'"),
    ],
    ids=range(4),
)
async def test_examples_are_runs_of_a_whole_program(program: str, score: float, says: str, run: Any) -> None:
    found = await verdict(UnitTests(), PROGRAM, program, run)
    assert (found.score, found.passed) == (score, score == 1)
    assert says in found.reason


@pytest.mark.parametrize(
    ("program", "score", "says"),
    [
        ("class Solution:\n    def add(self, xs: List[int], k: int): return [math.floor(x + k) for x in xs]", 1.0, ""),
        ("from __future__ import annotations\ndef add(xs: List[int], k): return tuple(x + k for x in xs)", 1.0, ""),
        ("def add(xs, k): return xs", 0.5, "failed in add([1], 5)"),
        ("def sub(xs, k): return xs", 0.0, "error in add([1, 2], 0): NameError"),
    ],
    ids=range(4),
)
async def test_or_calls_of_a_function_behind_what_its_site_imports(
    program: str, score: float, says: str, run: Any
) -> None:
    found = await verdict(UnitTests(), FUNCTION, program, run)
    assert (found.score, found.passed) == (score, score == 1)
    assert says in found.reason


async def test_asserts_and_examples_count_together(run: Any) -> None:
    both = asked(public_tests=("assert f(2) == 4",), examples=(Example("3", "9", "f"), Example("2", "5", "f")))
    found = await verdict(UnitTests(), both, "def f(x): return x * x", run)
    assert (found.score, found.passed) == (pytest.approx(2 / 3), False)


async def test_a_program_without_end_is_ended(run: Any) -> None:
    found = await verdict(UnitTests(timeout=0.2), ASSERTS, "def f(x):\n    while True: pass", run)
    assert (found.score, found.passed) == (0.0, False)
    assert found.reason.startswith("timeout in assert f(1) == 2: more than 0.2 s of CPU time")


async def test_a_long_test_is_told_in_part(run: Any) -> None:
    long = asked(public_tests=(f"assert f('{'x' * 500}') == 1",))
    assert len((await verdict(UnitTests(), long, "def f(x): return 2", run)).reason) < 200


async def test_without_public_tests_nothing_is_said(run: Any) -> None:
    found = await verdict(UnitTests(), asked(), "x = 1", run)
    assert found == Verdict(0.0, None, "the problem has no public tests", "unit_tests")


async def test_an_example_that_cannot_be_read_is_the_problem_s_fault(run: Any) -> None:
    with pytest.raises(VerifierError, match="problem p has an example of a function that is no JSON"):
        await verdict(UnitTests(), asked(examples=(Example("[", "1", "f"),)), "def f(x): return 1", run)
