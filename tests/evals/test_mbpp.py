from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import BenchmarkError, UnknownName
from orchestrator.evals.case import Case
from orchestrator.evals.mbpp import entry_point
from orchestrator.evals.sets import open_set

from .asserting import asserts_of
from .conftest import Write

ROW: dict[str, Any] = {
    "task_id": 11,
    "text": "Write a python function to add one.",
    "code": "def plus_one(x):\r\n  return x + 1",
    "test_list": ["assert plus_one(1) == 2", "assert plus_one(5) == 6"],
    "test_setup_code": "",
    "challenge_test_list": ["assert plus_one(-1) == 0"],
}


def only(write: Write, row: dict[str, Any], options: str = "") -> Case:
    (case,) = open_set(f"{write(row)}{options}")
    return case


def test_all_asserts_grade_and_the_first_is_public(write: Write) -> None:
    case = only(write, ROW)
    assert case.problem.id == "mbpp/11"
    assert case.problem.prompt == "Write a python function to add one."
    assert case.problem.public_tests == ("assert plus_one(1) == 2",)
    assert asserts_of(case).tests == ("assert plus_one(1) == 2", "assert plus_one(5) == 6")
    assert case.problem.meta == {"entry_point": "plus_one"}


def test_hidden_asserts_and_the_code_stay_with_the_grader(write: Write) -> None:
    case = only(write, ROW)
    assert "plus_one(5)" not in repr(case.problem)
    assert "x + 1" not in repr(case.problem)


def test_how_many_asserts_are_public_can_be_chosen(write: Write) -> None:
    assert len(only(write, ROW, ":public=all").problem.public_tests) == 2
    hidden = only(write, ROW, ":public=none").problem
    assert hidden.public_tests == ()
    assert hidden.prompt.endswith("The function's name is plus_one.")
    with pytest.raises(UnknownName, match="value of public 'some'"):
        only(write, ROW, ":public=some")


def test_challenge_tests_grade_when_asked(write: Write) -> None:
    assert len(asserts_of(only(write, ROW)).tests) == 2
    assert asserts_of(only(write, ROW, ":challenge=true")).tests[2:] == ("assert plus_one(-1) == 0",)


def test_the_sanitized_form_has_a_prompt_and_imports(write: Write) -> None:
    row = {
        "task_id": 12,
        "prompt": "Write a function to take a root.",
        "code": "import math\ndef root(x): return math.sqrt(x)",
        "test_imports": ["import math"],
        "test_list": ["assert math.isclose(root(4), 2)", "assert root(9) == 3"],
    }
    case = only(write, row)
    assert case.problem.public_tests == ("import math\nassert math.isclose(root(4), 2)",)
    assert asserts_of(case).prelude == "import math"
    assert asserts_of(case).tests == ("assert math.isclose(root(4), 2)", "assert root(9) == 3")
    assert case.problem.meta == {"entry_point": "root"}


def test_ready_plus_tests_can_be_left_out(write: Write) -> None:
    row = {**ROW, "test": "assert plus_one(10 ** 6) == 10 ** 6 + 1"}
    assert asserts_of(only(write, row)).tests[2:] == (row["test"],)
    assert len(asserts_of(only(write, row, ":plus=false")).tests) == 2


def test_a_row_without_words_is_refused(write: Write) -> None:
    with pytest.raises(BenchmarkError, match="field 'text': the task is missing"):
        only(write, {**ROW, "text": " "})


@pytest.mark.parametrize(
    ("test", "program", "name"),
    [
        ("assert f(1) == 2", "def f(x): return x + 1", "f"),
        ("assert set(f(1)) == set([2])", "def helper(x): ...\ndef f(x): return [helper(x)]", "f"),
        ("assert set(f(1)) == {2}", None, "f"),
        ("assert f(1) == 2", "print 'old'", None),
        ("not python", "def f(): ...", None),
    ],
)
def test_the_function_under_test_is_found(test: str, program: str | None, name: str | None) -> None:
    assert entry_point([test], program) == name
