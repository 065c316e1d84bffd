"""Tests as plain data, and the sandbox of callers that bring none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from orchestrator.errors import ConfigError
from orchestrator.sandbox import (
    Asserts,
    Call,
    Calls,
    Execution,
    Isolation,
    Output,
    Sandbox,
    Stdio,
    Stream,
    aclose,
    run_tests,
    verify,
)
from orchestrator.sandbox.shared import sandbox, suite_of

from .watching import Started

GOOD = "def f(x):\n    return x + 1\n"


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """The shared sandbox's processes end with the test."""
    started = Started()
    yield
    asyncio.run(aclose())
    assert asyncio.run(started.are(0))


FORMS: dict[str, tuple[Mapping[str, Any], object]] = {
    "call": (
        {"kind": "call", "entry": "f", "cases": [{"args": [1], "expected": 2}]},
        Calls("f", (Call((1,), 2),)),
    ),
    "call with a tolerance": (
        {"kind": "call", "entry": "f", "cases": [{"args": [1], "expected": 2.01}], "atol": 0.1},
        Calls("f", (Call((1,), 2.01),), "tolerance", 0.1),
    ),
    "asserts": (
        {"kind": "asserts", "entry": "f", "code": "def check(candidate):\n    assert candidate(1) == 2"},
        Asserts(("def check(candidate):\n    assert candidate(1) == 2",), "f"),
    ),
    "asserts with a prelude": (
        {"kind": "asserts", "code": "assert f(1) == g(1)", "prelude": "def g(x): return 2"},
        Asserts(("assert f(1) == g(1)",), None, "def g(x): return 2"),
    ),
    "stdio": (
        {"kind": "stdio", "cases": [{"input": "1\n", "output": "2\n"}]},
        Stdio((Stream("1\n", "2\n"),)),
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_tests_as_data_are_a_suite(box: Sandbox, form: str) -> None:
    tests, suite = FORMS[form]
    assert suite_of(tests) == suite
    program = "print(int(input()) + 1)" if form == "stdio" else GOOD
    assert (await verify(program, tests, 5.0, box=box)).verdict == "passed"
    wrong = "print(input())" if form == "stdio" else "def f(x): return x"
    assert (await verify(wrong, tests, 5.0, box=box)).verdict == "failed"


@pytest.mark.parametrize(
    ("tests", "says"),
    [
        ({}, "kind"),
        ({"kind": "pytest"}, "'pytest': there are call, asserts and stdio"),
        ({"kind": "call", "entry": "f"}, "cases"),
        ({"kind": "call", "entry": "f", "cases": [{"args": [1]}]}, "expected"),
        ({"kind": "call", "cases": []}, "entry"),
        ({"kind": "asserts", "entry": "f"}, "code"),
        ({"kind": "stdio", "cases": [{"input": ""}]}, "output"),
        ({"kind": "stdio", "cases": [3]}, "tests"),
        ({"kind": "call", "entry": "f", "cases": 3}, "tests"),
        (None, "tests"),
        ([], "tests"),
    ],
    ids=range(11),
)
async def test_what_is_no_tests_is_told_in_one_line(box: Sandbox, tests: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await verify(GOOD, tests, box=box)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("nothing_left")
async def test_callers_without_a_sandbox_share_one() -> None:
    tests = {"kind": "call", "entry": "f", "cases": [{"args": [1], "expected": 2}]}
    first = await verify(GOOD, tests, timeout=5.0, memory_mb=512)
    assert first.verdict == "passed"
    assert first.isolation == sandbox().isolation
    assert (await run_tests(GOOD, "assert f(1) == 2", timeout=5.0)).verdict == "passed"
    await aclose()
    assert (await run_tests(f"{GOOD}# back", "assert f(1) == 2", timeout=5.0)).verdict == "passed"


@pytest.mark.usefixtures("nothing_left")
def test_the_shared_sandbox_serves_one_event_loop_after_another() -> None:
    for mark in range(2):
        assert asyncio.run(run_tests(f"{GOOD}# {mark}", "assert f(1) == 2", timeout=5.0)).verdict == "passed"


async def test_several_tests_are_counted_apart_and_one_text_is_one(box: Sandbox) -> None:
    several = await run_tests(GOOD, ["assert f(1) == 2", "assert f(2) == 2"], timeout=5.0, box=box)
    assert (several.passed, several.total, several.first_failed) == (1, 2, 1)
    one = await run_tests(GOOD, "assert f(1) == 2\nassert f(2) == 3", timeout=5.0, box=box)
    assert (one.passed, one.total) == (1, 1)
    nothing = await run_tests(GOOD, "", timeout=5.0, box=box)
    assert nothing.verdict == "passed"
    assert (await run_tests("1 / 0", "", timeout=5.0, box=box)).verdict == "error"


async def test_limits_are_those_that_were_given(box: Sandbox) -> None:
    slow = await run_tests("while True: pass", "", timeout=0.1, box=box)
    assert slow.verdict == "timeout"
    large = await run_tests("x = bytearray(300 << 20)", "", timeout=5.0, memory_mb=200, box=box)
    assert large.verdict == "memory"
    fits = await run_tests("x = bytearray(300 << 20)", "", timeout=5.0, memory_mb=600, box=box)
    assert fits.verdict == "passed"


def test_processes_of_the_shared_sandbox_end_with_the_interpreter() -> None:
    """A script that does not say that it has done."""
    script = """
import asyncio
from orchestrator.sandbox import run_tests
print(asyncio.run(run_tests("def f(x): return x", "assert f(1) == 1")).verdict)
"""
    started = Started()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("passed\n", "", 0)
    assert asyncio.run(started.are(0))


def test_results_are_plain_values() -> None:
    assert Execution("passed") == Execution("passed", "", 0, 0)
    assert Execution("passed") != Execution("failed")
    assert hash(Output("passed", 3)) == hash(Output("passed", 3))
    assert Isolation(3, {"seccomp": True}) == Isolation(3, {"seccomp": True}, ())
