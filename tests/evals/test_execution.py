from __future__ import annotations

import pytest

from orchestrator.evals.execution import verified
from orchestrator.sandbox import Asserts, Call, Calls, Execution, Limits, Sandbox

ASSERTS = Asserts(("assert f(1) == 1", "assert f(2) == 4"))
CALLS = Calls("f", tuple(Call((n,), n * n) for n in range(5)))
SQUARE = "def f(x):\n    return x * x\n"


async def test_suites_run_one_after_the_other_as_one_verdict(box: Sandbox) -> None:
    found = await verified(box, SQUARE, (ASSERTS, CALLS), Limits())
    assert (found.verdict, found.passed, found.total, found.first_failed) == ("passed", 7, 7, None)
    assert found.outcomes == (True,) * 7


async def test_the_first_test_that_is_not_passed_ends_it(box: Sandbox) -> None:
    found = await verified(box, "def f(x):\n    return 4 if x == 3 else x * x", (ASSERTS, CALLS, ASSERTS), Limits())
    assert (found.verdict, found.passed, found.total, found.first_failed) == ("failed", 5, 9, 5)
    assert found.outcomes == (True, True, True, True, True, False, None, None, None)


async def test_a_program_that_cannot_be_run_passes_nothing(box: Sandbox) -> None:
    found = await verified(box, "def f(", (ASSERTS, CALLS), Limits())
    assert (found.verdict, found.passed, found.total) == ("error", 0, 7)
    assert True not in found.outcomes


class Slow:
    """A sandbox where the call of `n` takes `seconds[n]` of one limit for all calls, as in a real one."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = seconds
        self.spent: list[float] = []

    async def verify(self, program: str, suite: Calls, limits: Limits) -> Execution:
        spent, done = 0.0, 0
        for call in suite.cases:
            spent += self.seconds[call.args[0]]  # type: ignore[index]
            if spent > limits.seconds:
                break
            done += 1
        self.spent.append(min(spent, limits.seconds))
        if done == len(suite.cases):
            return Execution("passed", "", done, done, None, (True,) * done, cpu_seconds=self.spent[-1])
        left: tuple[bool | None, ...] = (False, *(None,) * (len(suite.cases) - done - 1))
        outcomes = (True,) * done + left
        return Execution("timeout", "", done, len(outcomes), done, outcomes, cpu_seconds=self.spent[-1])


@pytest.mark.parametrize(
    ("seconds", "passed", "spent"),
    [
        ((1, 1, 1, 1, 1), 5, [5]),
        ((4, 4, 4, 4, 4), 5, [6, 6, 6, 6, 4]),
        ((0, 0, 7, 0, 0), 2, [6, 6]),
        ((7, 0, 0, 0, 0), 0, [6]),
        ((3, 2, 5, 1, 5), 5, [6, 6, 5]),
        ((1, 1, 1, 1, 7), 4, [6, 6]),
    ],
    ids=range(6),
)
async def test_every_call_has_the_whole_time(seconds: tuple[float, ...], passed: int, spent: list[float]) -> None:
    slow = Slow(*seconds)
    found = await verified(slow, SQUARE, (CALLS,), Limits(seconds=6))  # type: ignore[arg-type]
    assert (found.verdict, found.passed, found.total) == ("passed" if passed == 5 else "timeout", passed, 5)
    assert found.first_failed == (None if passed == 5 else passed)
    assert found.outcomes[:passed] == (True,) * passed
    assert len(found.outcomes) == 5
    assert slow.spent == spent
    assert found.cpu_seconds == sum(spent)


async def test_a_call_without_end_does_not_pass(box: Sandbox) -> None:
    program = "def f(x):\n    while x == 3: pass\n    return x * x"
    found = await verified(box, program, (CALLS,), Limits(seconds=0.2))
    assert (found.verdict, found.passed, found.total, found.first_failed) == ("timeout", 3, 5, 3)
    assert found.outcomes == (True, True, True, False, None)
