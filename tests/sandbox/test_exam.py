"""Tests written in Python: the names that they see, the forms they come in, and what their end says."""

from __future__ import annotations

import pytest

from orchestrator.sandbox import Asserts, Execution, Limits, Sandbox

GOOD = "def f(x):\n    return x + 1\n"
LIMITS = Limits(5.0, wall=30.0)


async def judged(box: Sandbox, program: str, *tests: str, trusted: bool = True, **about: str) -> Execution:
    suite = Asserts(tests, about.get("entry"), about.get("prelude", ""), trusted)
    return await box.verify(program, suite, LIMITS)


both = pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])

PASSED = {
    "several": (GOOD, ("assert f(1) == 2", "assert f(2) == 3"), {}),
    "check": (GOOD, ("def check(candidate):\n    assert candidate(1) == 2",), {"entry": "f"}),
    "check that is called": (GOOD, ("def check(candidate):\n    assert candidate(1) == 2\ncheck(f)",), {"entry": "f"}),
    "check with another name": (GOOD, ("def check(fn):\n    assert fn(1) == 2\n\ncheck(f)\n",), {"entry": "f"}),
    "entry without check": (GOOD, ("assert f(1) == 2",), {"entry": "f"}),
    "helpers and imports": (
        GOOD,
        ("import math\n\ndef near(a, b):\n    return math.isclose(a, b)\n\nassert near(f(1), 2.0)",),
        {},
    ),
    "prelude": (GOOD, ("assert g(f(1)) == 4",), {"prelude": "def g(x):\n    return x * 2\n"}),
    "prelude with a stub of the entry": (
        GOOD,
        ("def check(candidate):\n    assert candidate(1) == g(1) == 2",),
        {"prelude": "def f(x):\n    pass\n\ndef g(x):\n    return x + 1\n", "entry": "f"},
    ),
    "prelude before the program": (
        f"{GOOD}def g(x): return 7",
        ("assert g(1) == 2",),
        {"prelude": "def g(x):\n    return x + 1\n"},
    ),
    "several functions": ("def f(x): return x\ndef g(x): return f(x) + 1", ("assert g(f(1)) == 2",), {}),
    "constant": (f"{GOOD}LIMIT = 7\nNAMES = ['a']", ("assert LIMIT == 7 and NAMES == ['a']",), {}),
    "module of the program": (f"import math\n{GOOD}", ("assert math.floor(f(1.5)) == 2",), {}),
    "exception that is wanted": (
        "def f(x):\n    raise ValueError(f'no {x}')",
        ("try:\n    f(1)\nexcept ValueError as e:\n    assert str(e) == 'no 1'\nelse:\n    assert False",),
        {},
    ),
    "class of exceptions of the program": (
        "class Odd(ValueError): pass\ndef f(x): raise Odd('n')",
        ("try:\n    f(1)\nexcept Odd as e:\n    assert e.args == ('n',)\nelse:\n    assert False",),
        {},
    ),
    "names of one test for the next": (GOOD, ("value = f(1)", "assert value == 2"), {}),
    "a test's own names come first": (GOOD, ("def f(x): return 'mine'\nassert f(1) == 'mine'",), {}),
    "comprehension": (GOOD, ("assert [f(i) for i in range(3)] == [1, 2, 3]",), {}),
    "sorted by a function of the program": (GOOD, ("assert sorted([3, 1], key=f) == [1, 3]",), {}),
    "function that is handed over": ("def f(g): return g(2)", ("assert f(lambda x: x * 5) == 10",), {}),
    "random numbers": (GOOD, ("import random\nx = random.randint(0, 9)\nassert f(x) == x + 1",), {}),
}


@both
@pytest.mark.parametrize("case", PASSED)
async def test_right_programs_pass(box: Sandbox, case: str, trusted: bool) -> None:
    program, tests, about = PASSED[case]
    if not trusted and case == "names of one test for the next":
        pytest.skip("tests that nobody vouches for see nothing of each other")
    done = await judged(box, program, *tests, trusted=trusted, **about)
    assert (done.verdict, done.detail) == ("passed", ""), done
    assert done.outcomes == (True,) * len(tests)
    assert (done.passed, done.total, done.first_failed) == (len(tests), len(tests), None)


NOT_PASSED = {
    "wrong value": ("def f(x): return x", "assert f(1) == 2", "failed", "Error (tests line 1)", "AssertionError"),
    "message": ("def f(x): return x", "assert f(1) == 2, 'by one'", "failed", "by one", "AssertionError"),
    "line": ("def f(x): return x", "x = 1\n\nassert f(x) == 2", "failed", "(tests line 3)", "AssertionError"),
    "type": ("def f(x): return None", "assert sorted(f(1)) == 2", "failed", "TypeError", "TypeError"),
    "exception": ("def f(x):\n    return 1 / 0", "assert f(1) == 2", "error", "division by", "ZeroDivisionError"),
    "missing": ("def g(x): pass", "assert f(1) == 2", "error", "NameError: ", "NameError"),
    "no function": ("f = 3", "assert f(1) == 2", "failed", "not callable", "TypeError"),
    "another": ("def f(x): raise KeyError", "try:\n    f(1)\nexcept ValueError: pass", "error", "Key", "KeyError"),
    "false": (GOOD, "assert not f(1)", "failed", "AssertionError", "AssertionError"),
    "an object": ("class A: pass\ndef f(x): return A()", "assert f(1) == 2", "failed", "Asser", "AssertionError"),
    "exit of the test": (GOOD, "raise SystemExit(0)", "failed", "SystemExit: 0", "SystemExit"),
    "test that is wrong": (GOOD, "assert f(1) / 0 == 2", "failed", "ZeroDivisionError", "ZeroDivisionError"),
}  # fmt: skip


@both
@pytest.mark.parametrize("case", NOT_PASSED)
async def test_what_was_not_passed_is_told(box: Sandbox, case: str, trusted: bool) -> None:
    program, test, verdict, says, exception = NOT_PASSED[case]
    done = await judged(box, program, test, trusted=trusted)
    literal = not trusted and verdict == "failed" and done.detail == "test 0: a wrong value"
    assert done.verdict == verdict or (not trusted and case == "no function"), done
    assert literal or says in done.detail
    assert literal or done.exception == exception
    assert (done.passed, done.first_failed, done.outcomes) == (0, 0, (False,))


async def test_a_missing_entry_is_an_error(box: Sandbox) -> None:
    for trusted in (True, False):
        check = "def check(candidate):\n    assert candidate(1) == 2"
        done = await judged(box, "def g(x): pass", check, entry="f", trusted=trusted)
        assert done.verdict == "error", done
        assert "the program defines no" in done.detail
        assert "'f'" in done.detail


async def test_the_line_of_the_program_that_raised_is_told(box: Sandbox) -> None:
    program = "def g(x):\n    return {}[x]\n\n\ndef f(x):\n    return g(x)\n"
    done = await judged(box, program, "assert f('k') == 2")
    assert (done.line, done.exception, done.detail) == (2, "KeyError", "KeyError: 'k'")


@both
async def test_tests_are_counted_apart(box: Sandbox, trusted: bool) -> None:
    tests = ("assert f(1) == 2", "assert f(2) == 0", "raise ValueError('mine')", "assert f(3) == 4")
    suite = Asserts(tests, trusted=trusted)
    first = await box.verify(GOOD, suite, LIMITS)
    every = await box.verify(GOOD, suite, Limits(5.0, wall=30.0, fail_fast=False))
    assert (first.verdict, first.first_failed) == (every.verdict, every.first_failed) == ("failed", 1)
    assert first.outcomes[:2] == (True, False)
    assert None in first.outcomes
    assert every.outcomes == (True, False, False, True)
    assert (every.passed, every.total) == (2, 4)


@pytest.mark.parametrize("tests", [("assert f(1) ==",), ("return 3",), ("x = '\ud800'",), ("\x00",), ("(" * 10_000,)])
@both
async def test_tests_that_are_no_python_are_an_error(box: Sandbox, tests: tuple[str, ...], trusted: bool) -> None:
    done = await judged(box, GOOD, *tests, trusted=trusted)
    assert done.verdict == "error"
    assert done.detail.startswith("the tests are no Python" if trusted else "the test is no Python")
    assert (await judged(box, GOOD, "assert f(1) == 2", trusted=trusted)).verdict == "passed"


async def test_a_prelude_that_is_no_python_is_an_error(box: Sandbox) -> None:
    done = await judged(box, GOOD, "assert f(1) == 2", prelude="def g(")
    assert done.verdict == "error"
    assert "no Python" in done.detail


async def test_a_prelude_that_raises_is_not_passed(box: Sandbox) -> None:
    done = await judged(box, GOOD, "assert f(1) == 2", prelude="1 / 0")
    assert (done.verdict, done.passed) == ("failed", 0)


async def test_a_test_that_catches_everything_is_not_passed_by_a_program_that_is_gone(box: Sandbox) -> None:
    test = "try:\n    f(1)\nexcept BaseException:\n    pass"
    for trusted in (True, False):
        done = await judged(box, "import os\ndef f(x): os._exit(0)", test, trusted=trusted)
        assert (done.verdict, done.outcomes) == ("error", (False,)), done
        assert (await judged(box, "def f(x): raise KeyError", test, trusted=trusted)).verdict == "passed"


async def test_a_program_that_changes_names_of_the_tests_changes_nothing(box: Sandbox) -> None:
    hostile = """
import builtins, sys
builtins.all = builtins.isinstance = builtins.sorted = lambda *_: True
sys.modules['math'] = None
AssertionError = ValueError
def check(candidate): pass
def f(x): return x
"""
    for test in (
        "import math\nassert all([f(1) == 2])",
        "assert sorted([f(1)]) == [2]",
        "assert isinstance(f(1), str)",
    ):
        assert (await judged(box, hostile, test)).verdict != "passed"
    checks = "def check(candidate):\n    assert candidate(1) == 2"
    assert (await judged(box, hostile, checks, entry="f")).verdict != "passed"


async def test_one_program_does_not_see_what_tests_did_for_another(box: Sandbox) -> None:
    test = "seen.append(f(1))\nassert seen == [2], seen"
    for mark in range(3):
        done = await judged(box, f"{GOOD}# {mark}", test, prelude="seen = []")
        assert done.verdict == "passed", done


@both
async def test_tests_that_do_not_end_are_a_time_out(box: Sandbox, trusted: bool) -> None:
    suite = Asserts(("f(1)\nwhile True: pass",), trusted=trusted)
    done = await box.verify(GOOD, suite, Limits(0.1, wall=0.3))
    assert done.verdict == "timeout"
    assert (await judged(box, GOOD, "assert f(1) == 2")).verdict == "passed"


async def test_tests_may_take_time_of_their_own(box: Sandbox) -> None:
    test = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nassert f(1) == 2"
    done = await box.verify(GOOD, Asserts((test,)), Limits(0.5, wall=20.0))
    assert done.verdict == "passed", done
    assert done.cpu_seconds < 0.3, "what tests take is not the program's"


async def test_a_test_that_ends_its_process_is_lost_and_no_pass(box: Sandbox) -> None:
    done = await judged(box, GOOD, "import os\nos._exit(0)")
    assert done.verdict == "crashed"
    assert done.rerun
    apart = await judged(box, GOOD, "import os\nos._exit(0)", "assert f(1) == 2", trusted=False)
    assert apart.outcomes[0] is False
    assert (await judged(box, GOOD, "assert f(1) == 2")).verdict == "passed"
