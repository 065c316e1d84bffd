"""What tests will ask, found out beforehand; and that verdicts are the same where it cannot be."""

from __future__ import annotations

import pytest

from orchestrator.sandbox import Asserts, Limits, Sandbox
from orchestrator.sandbox._cell.exam import Exam
from orchestrator.sandbox._cell.wire import decoded

LIMITS = Limits(5.0, wall=30.0, fail_fast=False)


def ahead(*tests: str, entry: str | None = None, prelude: str = "") -> list[tuple[str, list[object]]]:
    """The calls that are foreseen: name and arguments."""
    found = [decoded(call) for call in Exam(list(tests), entry, prelude).ahead]
    return [(name, arguments) for name, arguments, _ in found]


FORESEEN = {
    "one": ("assert f(1) == 2", [("f", [1])]),
    "several": ("assert f(1) == 2\nassert f('a', [2]) == 3", [("f", [1]), ("f", ["a", [2]])]),
    "loop": ("for i in range(3):\n    assert f(i) == i", [("f", [0]), ("f", [1]), ("f", [2])]),
    "comprehension": ("assert all(f(i) == i for i in (4, 5))", [("f", [4]), ("f", [5])]),
    "negation": ("assert not f(1)\nassert f(2)", [("f", [1]), ("f", [2])]),
    "inequality": ("assert f(1) != 3\nassert f(2) < 4", [("f", [1]), ("f", [2])]),
    "arithmetic": ("assert abs(f(1) - 2.0) < 1e-6\nassert round(f(2), 1) == 3", [("f", [1]), ("f", [2])]),
    "one of two": ("assert f(1) == 2 or f(1) == 3\nassert f(4) == 5", [("f", [1]), ("f", [4])]),
    "two functions": ("assert f(1) == g(2)", [("f", [1]), ("g", [2])]),
    "wanted exception": ("try:\n    f(1)\nexcept ValueError:\n    pass\nassert f(2)", [("f", [1]), ("f", [2])]),
    "computed": ("import math\nx = math.floor(2.5)\nassert f(x) == [x]", [("f", [2])]),
    "nothing": ("assert 1 + 1 == 2", []),
    "an answer as an argument": ("assert f(f(1)) == 3", []),
    "an attribute of an answer": ("assert f(1).value == 2", []),
    "a function as an argument": ("assert f(lambda x: x) == 2", []),
}


@pytest.mark.parametrize("case", FORESEEN)
def test_calls_are_foreseen(case: str) -> None:
    test, calls = FORESEEN[case]
    assert ahead(test) == calls


def test_keywords_are_foreseen_too() -> None:
    (call,) = Exam(["assert f(1, key='x') == 2"], None, "").ahead
    assert decoded(call) == ["f", [1], [["key", "x"]]]


def test_check_is_called_with_the_entry() -> None:
    check = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(3) == helper(4)"
    assert ahead(check, entry="f", prelude="def helper(x): return x") == [("f", [1]), ("f", [3])]


def test_random_numbers_are_the_same_when_it_comes_to_it() -> None:
    test = "import random\nassert f(random.random()) == 1"
    assert ahead(test) == ahead(test)


def test_tests_that_ask_for_ever_are_not_foreseen() -> None:
    assert ahead("while f(1) == 2:\n    pass") == []
    assert ahead("while f(1) != 2 or True:\n    x = f(1) + 1") == []
    assert ahead("for i in range(10**9):\n    assert f(i) == i") == []


def test_tests_that_compute_much_are_not_tried_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("orchestrator.sandbox._cell.foresight.time.process_time", lambda: next(clock))
    test = "import string\nstring.tries.append(1)\nassert f(1) == 2\nraise ValueError"
    tries: list[int] = []
    monkeypatch.setattr("string.tries", tries, raising=False)
    assert ahead(test) == [("f", [1])]
    assert tries == [1]


# Each of these asks for something else than could be foreseen, by its program or by what it knows itself.
DIVERGING = {
    "another branch": (
        "def f(x): return x",
        "if f(1) == 2:\n    assert f(5) == 5\nelse:\n    assert f(3) == 3\n    assert f(4) == 4",
    ),
    "an exception": (
        "def f(x):\n    if x == 1: raise ValueError\n    return x",
        "try:\n    f(1)\n    f(2)\nexcept ValueError:\n    assert f(7) == 7",
    ),
    "a loop until": ("def f(x): return x * 2", "x = 1\nwhile f(x) < 10:\n    x += 1\nassert x == 5"),
    "an answer as an argument": ("def f(x): return x + 1", "assert f(f(f(1))) == 4"),
    "an answer that is counted": ("def f(x): return [x] * x", "for item in f(2):\n    assert f(item) == [2, 2]"),
    "an argument that is changed": ("def f(x): x.append(1)\ndef g(x): return x", "x = []\nf(x)\nassert g(x) == [1]"),
    "a clock": ("def f(x): return x", "import time\nx = time.perf_counter()\nassert f(x) == x"),
    "a counter": ("def f(x): return x", "import itertools\nfor i in itertools.count():\n    if f(i) == 3: break"),
    "an object": ("class A:\n    def __init__(self): self.x = 1\ndef f(x): return A()", "assert f(1).x == 1"),
    "a global that changes": (
        "seen = []\ndef f(x): seen.append(x)",
        "f(1)\nassert seen == [1]\nf(2)\nassert seen == [1, 2]",
    ),
    "an identity": ("x = object()\ndef f(): return x", "assert f() is f()\nassert f() == f()"),
    "a sort": ("def f(x): return -x", "assert sorted([1, 2, 3], key=f) == [3, 2, 1]"),
}  # fmt: skip


@pytest.mark.parametrize("case", DIVERGING)
async def test_what_was_not_foreseen_is_asked_when_it_comes_to_it(box: Sandbox, case: str) -> None:
    program, test = DIVERGING[case]
    before, after = "assert f is not None", "assert f is not None and 1 == 1"
    for mark in range(2):
        done = await box.verify(f"{program}\n# {mark}", Asserts((before, test, after)), LIMITS)
        assert (done.verdict, done.outcomes) == ("passed", (True, True, True)), done
        assert not done.rerun


async def test_a_wrong_program_fails_where_its_test_says_though_more_was_asked_ahead(box: Sandbox) -> None:
    program = "def f(x):\n    if x == 3: raise KeyError(x)\n    if x == 4: return 0\n    return x"
    tests = tuple(f"assert f({i}) == {i}" for i in range(6))
    done = await box.verify(program, Asserts(tests), LIMITS)
    assert done.outcomes == (True, True, True, False, False, True)
    assert (done.verdict, done.exception, done.first_failed) == ("error", "KeyError", 3)


async def test_a_program_that_ends_among_calls_made_ahead_has_passed_what_came_before(box: Sandbox) -> None:
    program = "import os\ndef f(x):\n    if x == 2: os._exit(0)\n    return x"
    done = await box.verify(program, Asserts(tuple(f"assert f({i}) == {i}" for i in range(4))), LIMITS)
    assert (done.verdict, done.outcomes) == ("error", (True, True, False, None))


async def test_a_program_cannot_answer_ahead_of_what_it_is_asked(box: Sandbox) -> None:
    """It writes replies of its own before the calls come."""
    reply = b'["v",[2,[]]]'
    forged = len(reply).to_bytes(4, "big") + reply
    program = f"import os\nos.write(3, {forged!r} * 3)\ndef f(x): return 0"
    for suite in (Asserts(("assert f(1) == 2",)), Asserts(("assert f(1) == 2",), trusted=False)):
        assert (await box.verify(program, suite, LIMITS)).verdict != "passed"


async def test_one_suite_that_diverged_is_asked_step_by_step_from_then_on(box: Sandbox) -> None:
    suite = Asserts(("if f(1) == 1:\n    assert f(2) == 2\nelse:\n    assert f(3) == 4",))
    right = ("def f(x): return x", "def f(x): return x + 1")
    for mark in range(2):
        for program in right:
            assert (await box.verify(f"{program}  # {mark}", suite, LIMITS)).verdict == "passed"
        assert (await box.verify(f"def f(x): return 7  # {mark}", suite, LIMITS)).verdict == "failed"


async def test_many_calls_are_made_in_their_order(box: Sandbox) -> None:
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    test = "for i in range(400):\n    assert f(i) == i + 1"
    assert (await box.verify(program, Asserts((test,)), LIMITS)).verdict == "passed"
    beyond = "for i in range(700):\n    assert f(i) == i + 1"
    assert (await box.verify(program, Asserts((beyond,)), LIMITS)).verdict == "passed"
