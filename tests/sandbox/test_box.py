"""The sandbox as callers have it: what is run once, what cancelling ends, values in and out."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.errors import SandboxUnavailable
from orchestrator.sandbox import Asserts, Call, Calls, Limits, Output, Sandbox, Stdio, Stream

from .watching import Started

GOOD = "def f(x):\n    return x + 1\n"
ENDLESS = "def f(x):\n    while True: pass\n"
SUITE = Calls("f", (Call((1,), 2), Call((2,), 3)))
LIMITS = Limits(5.0, wall=30.0)


# -- what is run once -----------------------------------------------------------------------


async def test_the_same_program_is_run_once(box: Sandbox) -> None:
    program = f"{GOOD}# once"
    first = await box.verify(program, SUITE, LIMITS)
    again = await box.verify(program, SUITE, LIMITS)
    assert (first.verdict, first.cached, again.cached) == ("passed", False, True)
    assert (again.cpu_seconds, again.seconds, again.outcomes) == (first.cpu_seconds, first.seconds, first.outcomes)


async def test_an_equal_suite_is_the_same_suite(box: Sandbox) -> None:
    program = f"{GOOD}# equal"
    await box.verify(program, SUITE, LIMITS)
    assert (await box.verify(program, Calls("f", (Call((1,), 2), Call((2,), 3))), LIMITS)).cached


@pytest.mark.parametrize(
    ("suite", "limits"),
    [
        (SUITE, Limits(6.0, wall=30.0)),
        (SUITE, Limits(5.0, wall=30.0, fail_fast=False)),
        (Calls("f", (Call((1,), 2),)), LIMITS),
        (Calls("f", (Call((1,), 2), Call((2,), 3.0))), LIMITS),
        (Calls("f", (Call((1,), 2), Call((2,), 3)), "evalplus"), LIMITS),
        (Asserts(("assert f(1) == 2",)), LIMITS),
        (Asserts(("assert f(1) == 2",), trusted=False), LIMITS),
    ],
    ids=range(7),
)
async def test_another_suite_or_limit_is_another_run(box: Sandbox, suite: Calls, limits: Limits) -> None:
    program = f"{GOOD}# another"
    await box.verify(program, SUITE, LIMITS)
    done = await box.verify(f"{program} {suite}{limits}", suite, limits)
    assert (done.verdict, done.cached) == ("passed", False)
    assert not (await box.verify(program, suite, limits)).cached


async def test_whoever_asks_for_what_is_under_way_gets_the_same(box: Sandbox) -> None:
    program = f"import time\ntime.sleep(0.1)\n{GOOD}"
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(box.verify(program, SUITE, LIMITS)) for _ in range(8)]
    found = [task.result() for task in tasks]
    assert {one.verdict for one in found} == {"passed"}
    assert len({one.cpu_seconds for one in found}) == 1
    assert sum(not one.cached for one in found) == 1


async def test_no_cache_is_kept_where_none_is_wanted() -> None:
    async with Sandbox(workers=1, cache=0) as box:
        for _ in range(2):
            assert not (await box.verify(GOOD, SUITE, LIMITS)).cached


async def test_the_oldest_verdict_is_forgotten_first() -> None:
    async with Sandbox(workers=1, cache=2) as box:
        a, b, c = (f"{GOOD}# {name}" for name in "abc")
        for program in (a, b, a, c):
            await box.verify(program, SUITE, LIMITS)
        assert (await box.verify(a, SUITE, LIMITS)).cached
        assert not (await box.verify(b, SUITE, LIMITS)).cached


# -- tables and values ----------------------------------------------------------------------


async def test_a_matrix_says_which_program_passes_which_test(box: Sandbox) -> None:
    programs = [
        GOOD,
        "def f(x): return x",
        "import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return x + 1",
        "def f(",
        "def f(x):\n    while x == 3: pass\n    return x + 1",
        "def f(x): raise ValueError",
    ]
    tests = [
        "assert f(1) == 2",  # data
        "assert f(2) == 3",
        "for i in (2,): assert f(i) == i + 1",
        "import os; os._exit(0)",
        "assert f(4) in (4, 5)",
        "assert not f(0) == 0",
        "assert f(3) == 4",
    ]
    found = await box.matrix(programs, tests, Limits(0.2, wall=5.0))
    assert found == (
        (True, True, True, False, True, True, True),
        (False, False, False, False, True, False, False),
        (True, False, False, False, True, True, True),
        (False,) * 7,
        (True, True, False, False, False, False, False),
        (False,) * 7,
    )


async def test_a_matrix_of_nothing(box: Sandbox) -> None:
    assert await box.matrix([], ["assert f(1) == 2"]) == ()
    assert await box.matrix([GOOD, GOOD], []) == ((), ())


async def test_a_matrix_knows_entry_and_prelude(box: Sandbox) -> None:
    tests = ["def check(candidate):\n    assert candidate(1) == g(1)", "assert g(2) == f(2)"]
    found = await box.matrix([GOOD, "def f(x): return x"], tests, entry="f", prelude="def g(x): return x + 1\n")
    assert found == ((True, True), (False, False))


async def test_a_test_cannot_spoil_another(box: Sandbox) -> None:
    """Whatever it writes where the answer of its process is expected."""
    says = [b'["v",5]', b'["v",[true,"",1]]', b'["x","ValueError",[],"",null]', b"{"]
    spoils = [f"import os\nos.write(3, {len(one).to_bytes(4, 'big') + one!r})\nos._exit(0)" for one in says]
    tests = [*spoils, "for i in (1,): assert f(i) == 2", "assert f(2) == 3"]
    assert await box.matrix([GOOD], tests, LIMITS) == ((*(False,) * len(spoils), True, True),)


async def test_outputs_are_what_the_entry_returns(box: Sandbox) -> None:
    program = "def f(x, y=()):\n    return {x: (y, [1.5, None])}\n"
    rows = [(1,), (2, 3), ("a", "b"), ((1, 2),)]
    found = await box.outputs(program, "f", rows, LIMITS)
    assert [one.value for one in found] == [
        {1: ((), [1.5, None])},
        {2: (3, [1.5, None])},
        {"a": ("b", [1.5, None])},
        {(1, 2): ((), [1.5, None])},
    ]
    assert await asyncio.to_thread(box.outputs_now, program, "f", rows, LIMITS) == found


async def test_calls_without_a_value_say_why(box: Sandbox) -> None:
    program = """
import os
def f(x):
    if x == 1: return object()
    if x == 2: os._exit(0)
    if x == 3: raise KeyError('k')
    if x == 4: return [print]
    return x
"""
    found = await box.outputs(program, "f", [(i,) for i in range(6)], LIMITS)
    assert [one.verdict for one in found] == ["passed", "error", "error", "error", "error", "passed"]
    assert found[3] == Output("error", None, "KeyError: 'k'", "KeyError")
    assert found[1].detail == found[4].detail == "the value is no plain data"
    assert "ended itself" in found[2].detail
    assert found[5].value == 5


@pytest.mark.parametrize(
    ("program", "verdict", "says"),
    [
        ("def f(", "error", "SyntaxError"),
        ("def g(x): pass", "error", "no 'f'"),
        ("def f(x):\n    while True: pass", "timeout", ""),
        ("import os\nos._exit(3)", "error", "status 3"),
    ],
    ids=["no Python", "no entry", "endless", "early exit"],
)
async def test_where_nothing_is_returned_every_row_says_why(
    box: Sandbox, program: str, verdict: str, says: str
) -> None:
    found = await box.outputs(program, "f", [(1,), (2,), (3,)], Limits(0.2, wall=3.0))
    assert [one.verdict for one in found] == [verdict] * 3
    assert all(says in one.detail and one.detail != "the value is no plain data" for one in found)


async def test_methods_of_a_solution_are_called_on_fresh_instances(box: Sandbox) -> None:
    program = """
class Solution:
    def __init__(self): self.calls = 0
    def total(self, numbers: List[int]) -> Tuple[int, int]:
        self.calls += 1
        return (sum(numbers), self.calls)
from typing import List, Tuple
"""
    fixed = f"from typing import List, Tuple\n{program}"
    suite = Calls("total", (Call(([1, 2],), [3, 1]), Call(([],), [0, 1])), "lcb")
    assert (await box.verify(program, suite, LIMITS)).exception == "NameError"
    assert (await box.verify(fixed, suite, LIMITS)).verdict == "passed"
    missing = await box.verify(fixed, Calls("count", (Call(([],), 0),)), LIMITS)
    assert (missing.verdict, missing.exception) == ("error", "AttributeError")


@pytest.mark.parametrize(
    ("compare", "atol", "returned", "verdict"),
    [
        ("exact", None, "(1, [2])", "passed"),
        ("exact", None, "[1, [2.1]]", "failed"),
        ("tolerance", 0.2, "[1, [2.1]]", "passed"),
        ("tolerance", 0.01, "[1, [2.1]]", "failed"),
        ("evalplus", None, "(1, [2])", "failed"),
        ("lcb", None, "(1, [2])", "passed"),
        ("lcb", None, "[1, (2,)]", "failed"),
    ],
)
async def test_values_are_compared_as_the_suite_says(
    box: Sandbox, compare: str, atol: float | None, returned: str, verdict: str
) -> None:
    suite = Calls("f", (Call((), [1, [2]]),), compare, atol)  # type: ignore[arg-type]
    assert (await box.verify(f"def f(): return {returned}", suite, LIMITS)).verdict == verdict


async def test_a_suite_without_tests_passes_nobody(box: Sandbox) -> None:
    assert (await box.verify("def f(", Calls("f", ()), LIMITS)).verdict == "error"
    for nothing in (Calls("f", ()), Asserts(()), Stdio(())):
        execution = await box.verify(GOOD, nothing, LIMITS)
        assert (execution.verdict, execution.detail) == ("error", "there are no tests to pass")


async def test_what_is_no_plain_data_is_no_suite(box: Sandbox) -> None:
    with pytest.raises(TypeError, match="no plain data"):
        await box.verify(GOOD, Calls("f", (Call((object(),), 1),)), LIMITS)


# -- isolation ------------------------------------------------------------------------------


async def test_isolation_is_known_once_a_worker_was_started() -> None:
    started = Started()
    async with Sandbox(workers=1) as box:
        assert box.isolation is None
        done = await box.verify(GOOD, SUITE, LIMITS)
        assert box.isolation is not None
        assert done.isolation == box.isolation == await box.isolate()
        assert len(started.pids()) == 2, "no further worker was started for that"


async def test_below_the_level_that_is_wanted_nothing_is_run() -> None:
    started = Started()
    async with Sandbox(workers=1, min_level=3, without=("seccomp",)) as box:
        for attempt in (
            box.isolate(),
            box.verify(GOOD, SUITE),
            box.outputs(GOOD, "f", [(1,)]),
            box.matrix([GOOD], ["1"]),
        ):
            with pytest.raises(SandboxUnavailable) as caught:
                await attempt
            assert "level 2 here" in str(caught.value)
            assert "level 3 is wanted: seccomp: left out" in str(caught.value)
            assert "\n" not in str(caught.value)
    assert await started.are(0)


@pytest.mark.parametrize("left_out", ["namespaces", "mounts", "nobody", "landlock", "seccomp"])
async def test_without_a_layer_there_are_still_verdicts(left_out: str) -> None:
    started = Started()
    async with Sandbox(workers=1) as whole:
        full = await whole.isolate()
    async with Sandbox(workers=1, without=(left_out,)) as box:
        isolation = await box.isolate()
        most = {"namespaces": 3, "mounts": 3, "seccomp": 2}.get(left_out, full.level)
        assert isolation.level == min(full.level, most)
        if left_out in ("landlock", "seccomp"):
            assert isolation.reasons[left_out] == "left out"
        right = [
            await box.verify(GOOD, SUITE, LIMITS),
            await box.verify("print(int(input()) + 1)", Stdio((Stream("1\n", "2\n"),)), LIMITS),
            await box.verify(GOOD, Asserts(("for i in (1,): assert f(i) == 2",), trusted=False), LIMITS),
        ]
        assert [one.verdict for one in right] == ["passed"] * 3
        assert (await box.verify(ENDLESS, SUITE, Limits(0.1, wall=1.0))).verdict == "timeout"
        assert (await box.verify("def f(x): return x", SUITE, LIMITS)).verdict == "failed"
        assert (await box.verify(f"import os\n{GOOD}os.abort()", SUITE, LIMITS)).verdict == "crashed"
    assert await started.are(0)
