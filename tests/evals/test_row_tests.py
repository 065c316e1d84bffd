from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import BenchmarkError
from orchestrator.evals.case import Case
from orchestrator.evals.grading import executed
from orchestrator.evals.sets import open_set
from orchestrator.sandbox import Asserts, Call, Calls, Stdio, Stream
from orchestrator.types import Example

from .conftest import Write


def only(write: Write, entry_point: str | None = "f", **fields: Any) -> Case:
    row = {"id": "toy/1", "kind": "code", "question": "?", "entry_point": entry_point, **fields}
    (case,) = open_set(str(write({key: value for key, value in row.items() if value is not None})))
    return case


@pytest.mark.parametrize(
    ("tests", "suites"),
    [
        ("assert f(1)\nassert f(2)", (Asserts(("assert f(1)\nassert f(2)",), "f"),)),
        (["assert f(1)", "assert f(2)"], (Asserts(("assert f(1)", "assert f(2)"), "f"),)),
        ([{"args": [[1], "a"], "expected": {"b": None}}], (Calls("f", (Call(([1], "a"), {"b": None}),), "lcb"),)),
        (
            [{"args": [], "expected": 1}, {"args": [1.5], "expected": True}],
            (Calls("f", (Call((), 1), Call((1.5,), True)), "lcb"),),
        ),
        ([{"input": "1\n", "output": "2"}], (Stdio((Stream("1\n", "2"),), "lcb"),)),
        ("", ()),
        ([], ()),
        (None, ()),
    ],
    ids=range(8),
)
def test_hidden_tests_have_many_forms(write: Write, tests: Any, suites: tuple[Any, ...]) -> None:
    case = only(write, tests=tests)
    assert case.reference.tests == suites
    assert case.gradable is bool(suites)


def test_asserts_get_what_the_stub_has_before_the_function(write: Write) -> None:
    case = only(write, question="import math\n\n\ndef f(x):\n", tests=["assert f(1)"])
    assert case.reference.tests == (Asserts(("assert f(1)",), "f", "import math"),)


def test_public_tests_are_asserts_or_examples(write: Write) -> None:
    assert only(write, public_tests=["assert f(1)"]).problem.public_tests == ("assert f(1)",)
    called = only(write, public_tests=[{"args": [1, "a"], "expected": [2]}]).problem
    assert called.examples == (Example('1\n"a"', "[2]", "f"),)
    assert called.question.endswith('f(1, "a") returns [2]')
    printed = only(write, None, public_tests=[{"input": "1\n", "output": "2\n"}]).problem
    assert (printed.examples, printed.public_tests) == ((Example("1\n", "2\n"),), ())
    assert printed.question.endswith("Input:\n1\nOutput:\n2")


def test_a_method_is_called_by_its_own_name(write: Write) -> None:
    (suite,) = only(write, "Solution.f", tests=[{"args": [1], "expected": 2}]).reference.tests  # type: ignore[misc]
    assert suite == Calls("f", (Call((1,), 2),), "lcb")


@pytest.mark.parametrize("field", ["tests", "public_tests"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (5, "give Python"),
        ({"input": "1", "output": "2"}, "give Python"),
        (["assert f(1)", {"input": "1", "output": "2"}], "give Python"),
        ([{"input": "1"}], "give Python"),
        ([{"input": 1, "output": "2"}], "give Python"),
        ([{"input": "1", "output": "2", "outptu": "3"}], "give Python"),
        ([{"args": 1, "expected": 2}], "give Python"),
        ([["assert f(1)"]], "give Python"),
    ],
    ids=range(8),
)
def test_other_forms_are_refused_with_the_field(write: Write, field: str, value: Any, says: str) -> None:
    with pytest.raises(BenchmarkError, match=rf"set\.jsonl:1: field '{field}': {says}"):
        only(write, **{field: value})


def test_calls_need_the_function_s_name(write: Write) -> None:
    with pytest.raises(BenchmarkError, match="field 'tests': tests with 'args' need the function's name"):
        only(write, None, tests=[{"args": [1], "expected": 2}])


@pytest.mark.parametrize(
    ("fields", "program", "passed"),
    [
        ({"tests": [{"args": [4], "expected": 12}, {"args": [-1], "expected": -3}]}, "def f(x): return 3 * x", 2),
        ({"tests": [{"args": [4], "expected": 12}, {"args": [-1], "expected": -3}]}, "def f(x): return 12", 1),
        ({"tests": ["assert f(4) == 12", "assert f(-1) == -3"]}, "def f(x): return 12", 1),
        (
            {"tests": [{"input": "1 2", "output": "3"}, {"input": "", "output": "0"}]},
            "print(sum(map(int, open(0).read().split())))",
            2,
        ),
        (
            {"tests": [{"input": "1 2", "output": "3"}, {"input": "", "output": "0"}]},
            "print(sum(map(int, input().split())))",
            1,
        ),
    ],
    ids=range(5),
)
async def test_tests_of_a_set_of_one_s_own_are_counted_apart(
    write: Write, fields: dict[str, Any], program: str, passed: int
) -> None:
    entry = None if "input" in str(fields) else "f"
    found = await executed(only(write, entry, **fields), program)
    assert (found.passed, found.total) == (passed, 2)
    assert (found.verdict == "passed") is (passed == 2)
