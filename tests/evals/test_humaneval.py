from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import BenchmarkError, ConfigError
from orchestrator.evals.case import Case
from orchestrator.evals.sets import open_set

from .asserting import asserts_of, passes
from .conftest import Write

STUB = 'def double(x):\n    """Twice x.\n    >>> double(2)\n    4\n    """\n'
ROW: dict[str, Any] = {
    "task_id": "HumanEval/0",
    "prompt": STUB,
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(3) == 6\n",
}
PLUS: dict[str, Any] = {
    **{key: value for key, value in ROW.items() if key != "test"},
    "base_input": [[3]],
    "plus_input": [[0], [-7]],
    "atol": 0,
}
MBPP_PLUS: dict[str, Any] = {
    "task_id": "Mbpp/2",
    "prompt": '"""\nFind the shared elements.\nassert set(similar_elements((1, 2), (2, 3))) == {2}\n"""\n',
    "entry_point": "similar_elements",
    "canonical_solution": "\ndef similar_elements(a, b):\n  return tuple(set(a) & set(b))\n",
    "base_input": [[[3, 4], [4, 5]]],
    "plus_input": [[[1, 2, 3], [3, 2]]],
}


def only(write: Write, row: dict[str, Any], options: str = "") -> Case:
    (case,) = open_set(f"{write(row)}{options}")
    return case


def test_the_prompt_is_the_stub_and_its_examples_are_no_tests(write: Write) -> None:
    case = only(write, ROW)
    assert case.problem.id == "HumanEval/0"
    assert case.problem.prompt == STUB
    assert case.problem.public_tests == ()
    assert case.problem.meta == {"entry_point": "double"}


def test_hidden_tests_and_the_canonical_program_stay_with_the_grader(write: Write) -> None:
    case = only(write, ROW)
    assert "candidate(3)" not in repr(case.problem)
    assert "2 * x" not in repr(case.problem)
    assert case.reference.answer == STUB + "    return 2 * x\n"


def test_the_set_s_own_tests_call_check(write: Write) -> None:
    case = only(write, ROW)
    assert passes(case, case.reference.answer or "")
    assert not passes(case, "def double(x): return x ** 2")


def test_tests_get_the_functions_that_the_stub_has_before_the_one_asked_for(write: Write) -> None:
    stub = "from math import pi\n\ndef halve(x):\n    return x / 2\n\n\ndef double(x):\n"
    test = "def check(candidate):\n    assert halve(candidate(pi)) == pi\n"
    suite = asserts_of(only(write, {**ROW, "prompt": stub, "test": test}))
    assert suite.entry == "double"
    assert suite.prelude == "from math import pi\n\ndef halve(x):\n    return x / 2"
    assert passes(only(write, {**ROW, "prompt": stub, "test": test}), "def double(x): return 2 * x")


def test_tests_that_are_plain_asserts_need_no_call(write: Write) -> None:
    case = only(write, {**ROW, "test": "assert double(3) == 6"})
    assert passes(case, "def double(x): return 2 * x")
    assert not passes(case, "def double(x): return x")


def test_a_row_without_tests_compares_with_the_canonical_program(write: Write) -> None:
    case = only(write, PLUS)
    assert passes(case, "def double(x): return x + x")
    assert not passes(case, "def double(x): return abs(2 * x)")
    assert case.reference.meta == {"timeout": 60.0, "memory_mb": 4096}


def test_base_and_plus_inputs_are_counted_apart(write: Write) -> None:
    assert len(asserts_of(only(write, PLUS)).tests) == 2
    assert len(asserts_of(only(write, PLUS, ":plus=false")).tests) == 1


def test_plus_inputs_can_be_left_out(write: Write) -> None:
    case = only(write, PLUS, ":plus=false")
    assert passes(case, "def double(x): return abs(2 * x)")
    assert not passes(case, "def double(x): return x")


def test_tests_and_plus_inputs_of_one_row_both_count(write: Write) -> None:
    both = {**PLUS, "test": ROW["test"]}
    assert not passes(only(write, both), "def double(x): return abs(2 * x)")
    assert not passes(only(write, both), "def double(x): return 2 * x if x <= 0 else 5")
    assert passes(only(write, both, ":plus=false"), "def double(x): return abs(2 * x)")


def test_inputs_without_a_canonical_program_are_refused(write: Write) -> None:
    row = {key: value for key, value in PLUS.items() if key != "canonical_solution"}
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:1: field 'canonical_solution'"):
        only(write, row)


def test_an_entry_point_is_a_name(write: Write) -> None:
    with pytest.raises(BenchmarkError, match="field 'entry_point'"):
        only(write, {**ROW, "entry_point": "double); import os"})


def test_an_option_of_the_format_must_fit(write: Write) -> None:
    with pytest.raises(ConfigError, match="plus=some"):
        only(write, ROW, ":plus=some")


class TestMbppPlus:
    def test_the_docstring_s_words_are_the_prompt_and_its_asserts_are_public(self, write: Write) -> None:
        case = only(write, MBPP_PLUS)
        assert case.problem.prompt.startswith("Find the shared elements.")
        assert '"""' not in case.problem.prompt
        assert case.problem.public_tests == ("assert set(similar_elements((1, 2), (2, 3))) == {2}",)

    def test_a_prompt_without_asserts_names_the_function(self, write: Write) -> None:
        case = only(write, {**MBPP_PLUS, "prompt": "'''\nFind the shared elements.\n'''"})
        assert case.problem.prompt.endswith("The function's name is similar_elements.")
        assert case.problem.public_tests == ()

    def test_inputs_are_tuples_where_the_task_says_so_and_any_order_counts(self, write: Write) -> None:
        case = only(write, MBPP_PLUS)
        tuples_only = (
            "def similar_elements(a, b):\n    assert isinstance(a, tuple)\n    return [x for x in b if x in a]"
        )
        assert passes(case, tuples_only)
        assert not passes(case, "def similar_elements(a, b): return a[:1]")
