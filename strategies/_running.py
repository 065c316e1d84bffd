"""Runs programs on many tests or inputs, of which one that does not end must not cost the others.

A program has a share of its time for all of them. When one of them takes that whole, the program is run again on those
that were left, with another share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.sandbox import Asserts, Limits, Output, Value
from orchestrator.sandbox.header import with_header

from ._written import WrittenTests

if TYPE_CHECKING:
    from orchestrator.run import Run

_AS_FUNCTION = """

try:
    {entry}
except NameError:
    def {entry}(*args):
        return Solution().{entry}(*args)
"""
"""Lets tests call a method of the class `Solution` as a function, where the program has no function of that name."""
_RUNS = 4
"""Times that a program is run at the most, each time with its share of the time."""
_HOPELESS = 2
"""Runs that end at their first test, from the first run on; more of the same is to come then."""


async def rows(programs: Sequence[str], written: WrittenTests, limits: Limits, run: Run) -> list[tuple[bool, ...]]:
    """By program, which of the tests it passes."""
    as_function = _AS_FUNCTION.format(entry=written.entry) if run.problem.examples else ""
    wholes = [f"{with_header(run.problem, program)}{as_function}" for program in programs]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_row(program, written, limits, run)) for program in wholes]
    return [task.result() for task in tasks]


async def outputs(
    programs: Sequence[str], entry: str, inputs: Sequence[Sequence[Value]], limits: Limits, run: Run
) -> list[tuple[Output, ...]]:
    """By program, what a function of it returns on each input."""
    wholes = [with_header(run.problem, program) for program in programs]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_outputs(program, entry, inputs, limits, run)) for program in wholes]
    return [task.result() for task in tasks]


async def _row(program: str, written: WrittenTests, limits: Limits, run: Run) -> tuple[bool, ...]:
    share = replace(limits, seconds=limits.seconds / _RUNS, fail_fast=False)
    passed = [False] * len(written.tests)
    left = list(range(len(passed)))
    for ends in range(1, _RUNS + 1):
        suite = Asserts(tuple(written.sources[i] for i in left), trusted=False)
        found = dict(zip(left, (await run.sandbox.verify(program, suite, share)).outcomes, strict=True))
        for i in left:
            passed[i] = found[i] is True
        left = [i for i in left if found[i] is None]
        done = len(passed) - len(left)
        if not left or len(left) == len(found) or done == ends >= _HOPELESS:
            break
    return tuple(passed)


async def _outputs(
    program: str, entry: str, inputs: Sequence[Sequence[Value]], limits: Limits, run: Run
) -> tuple[Output, ...]:
    share = replace(limits, seconds=limits.seconds / _RUNS)
    done: list[Output] = []
    for ends in range(1, _RUNS + 1):
        found = await run.sandbox.outputs(program, entry, inputs[len(done) :], share)
        ended = next((i for i, one in enumerate(found) if one.verdict == "timeout"), len(found))
        hopeless = ended == 0 and len(done) + 1 == ends >= _HOPELESS
        done += found if hopeless or ends == _RUNS else found[: ended + 1]
        if len(done) == len(inputs):
            break
    return tuple(done)
