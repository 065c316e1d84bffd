"""A program against the hidden tests of a case: several suites, and limits for each call, as one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.sandbox import Asserts, Calls, Execution, Limits, Sandbox, Suite


async def verified(box: Sandbox, program: str, suites: Sequence[Suite], limits: Limits) -> Execution:
    """The verdict on a program; the first test that it does not pass ends it.

    Args:
        limits: of a suite of asserts as a whole, of each run of a whole program, and of each call of a function.
    """
    done: list[Execution] = []
    for suite in suites:
        if isinstance(suite, Calls):
            done.append(await _called(box, program, suite, limits))
        else:
            done.append(await box.verify(program, suite, limits))
        if done[-1].verdict != "passed":
            break
    return _joined(done, sum(map(size, suites)))


def size(suite: Suite) -> int:
    """Number of its tests."""
    return len(suite.tests if isinstance(suite, Asserts) else suite.cases)


async def _called(box: Sandbox, program: str, suite: Calls, limits: Limits) -> Execution:
    """The verdict on a function.

    The sandbox limits all calls of a program together. Where they took too long, the call that was under way starts
    again with all the time there is: so only a call that takes too long by itself fails, at twice the cost at most.
    """
    done: list[Execution] = []
    left = suite
    while True:
        done.append(await box.verify(program, left, limits))
        ended_by = done[-1].first_failed
        if done[-1].verdict != "timeout" or not ended_by:
            return _joined(done, size(suite))
        left = replace(left, cases=left.cases[ended_by:])


def _joined(parts: Sequence[Execution], total: int) -> Execution:
    """Runs of one program as one, each of which began with the first test that was not passed before it."""
    last = parts[-1]
    before = [outcome for part in parts[:-1] for outcome in part.outcomes[: part.first_failed]]
    rest = [None] * (total - len(before) - len(last.outcomes))
    return replace(
        last,
        passed=len(before) + last.passed,
        total=total,
        first_failed=None if last.first_failed is None else len(before) + last.first_failed,
        outcomes=(*before, *last.outcomes, *rest),
        seconds=sum(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        peak_mb=max(part.peak_mb for part in parts),
        cached=all(part.cached for part in parts),
        rerun=any(part.rerun for part in parts),
    )
