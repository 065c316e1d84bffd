"""What calls return where nobody says what they should: by call a value, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.sandbox import Limits, Sandbox

PROGRAM = """
import os
def f(x):
    while x == "loop":
        pass
    if x == "abort":
        os.abort()
    if x == "raise":
        raise KeyError(x)
    if x == "thing":
        return object()
    return [x]
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    opened = Sandbox(workers=1)
    yield opened
    opened.close()


async def told(box: Sandbox, *inputs: object) -> list[object]:
    found = await box.outputs(PROGRAM, "f", [(each,) for each in inputs], Limits(0.3))
    return [one.value if one.verdict == "passed" else one.exception or one.verdict for one in found]


async def test_values_and_exceptions_stand_side_by_side(box: Sandbox) -> None:
    assert await told(box, 1, "raise", "thing", 2) == [[1], "KeyError", "error", [2]]


async def test_a_crash_is_the_outcome_of_its_call_alone(box: Sandbox) -> None:
    assert await told(box, "raise", "abort", 2) == ["KeyError", "crashed", [2]]


async def test_a_call_without_end_is_a_timeout_and_so_are_those_that_there_is_no_time_for(box: Sandbox) -> None:
    assert await told(box, "raise", "loop", 2) == ["KeyError", "timeout", "timeout"]
