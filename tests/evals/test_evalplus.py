from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator.evals.evalplus import PRELUDE, computed_test
from orchestrator.evals.evalplus_check import agrees


def passes(tests: str, program: str) -> bool:
    namespace: dict[str, Any] = {}
    exec(PRELUDE, namespace)
    exec(program, namespace)
    try:
        exec(tests, namespace)
    except AssertionError:
        return False
    return True


def seen(task_id: str, arguments: Any) -> Any:
    """The arguments with which a task's function is called."""
    calls: list[Any] = []
    program = "def f(*arguments):\n    return 0\n"
    namespace: dict[str, Any] = {"f": lambda *values: calls.append(values) or 0}
    exec(PRELUDE, namespace)
    exec(computed_test(task_id, "f", program, [arguments], 0), namespace)
    return list(calls[0])


@pytest.mark.parametrize(
    ("task", "published", "called"),
    [
        (1, [[1, 2]], [[1, 2]]),
        (116, [[1, 2]], [(1, 2)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (75, [[[6, 24], [7, 9]], 6], [[(6, 24), (7, 9)], 6]),
        (106, [[5, 6], [9, 10]], [[5, 6], (9, 10)]),
        (115, [[[1, 2], []]], [[{1, 2}, {}]]),
        (124, ["0", "1j"], [0.0, 1j]),
        (250, [[10, 8], 8], [(10, 8), 8]),
        (307, [["a", 5, []], 2, 50], [("a", 5, []), 2, 50]),
        (252, ["1+2j"], [1 + 2j]),
        (259, [[[1, 3], [4, 5]]], [((1, 3), (4, 5))]),
        (278, [[1, [2, 3], 4]], [(1, (2, 3), 4)]),
        (580, [[4, [7, [1]]]], [(4, (7, (1,)))]),
        (722, [{"Ann": [6.2, 70]}, 6.0], [{"Ann": (6.2, 70)}, 6.0]),
    ],
)
def test_mbpp_inputs_get_the_types_that_json_lacks(task: int, published: Any, called: Any) -> None:
    assert seen(f"Mbpp/{task}", published) == called
    assert seen(f"HumanEval/{task}", published) == published


def test_infinite_and_missing_numbers_come_through() -> None:
    low, missing = seen("HumanEval/0", [-math.inf, math.nan])
    assert low == -math.inf
    assert math.isnan(missing)


def test_a_candidate_that_changes_its_arguments_spoils_nothing() -> None:
    reference = "def f(xs):\n    xs.sort()\n    return xs\n"
    tests = computed_test("HumanEval/0", "f", reference, [[[3, 1, 2]], [[2, 1]]], 0)
    assert passes(tests, "def f(xs):\n    ys = sorted(xs)\n    xs.clear()\n    return ys\n")


def test_the_candidate_s_own_names_stay() -> None:
    tests = computed_test("HumanEval/0", "f", "def close(x): return -x\ndef f(x): return -close(x)", [[4]], 0)
    assert passes(tests, "def close(x): return x\ndef check(x): return x\ndef f(x): return close(check(x))")


@pytest.mark.parametrize(
    ("found", "expected", "atol", "verdict"),
    [
        (1, 1, 0, True),
        (1, 2, 0, False),
        (1.0, 1, 0, True),  # equal, so the type does not matter
        (0.1 + 0.2, 0.3, 0, True),
        (0.3 + 1e-5, 0.3, 0, False),
        (0.3 + 1e-5, 0.3, 1e-4, True),
        ([0.1 + 0.2, 1.0], [0.3, 1.0], 0, True),
        ([0.1 + 0.2], [0.3, 1.0], 0, False),
        ((0.1 + 0.2,), [0.3], 0, False),
        ([0.1 + 0.2, 1], [0.3, 1], 0, False),  # not all expected are floats, so no tolerance
        ([0.1 + 0.2, 1], [0.3, 1], 1e-6, True),
        ([[0.1 + 0.2]], [[0.3]], 1e-6, True),
        ([], [], 0, True),
        ("a", "b", 1e-6, False),
        (math.inf, math.inf, 0, True),
        (5.0, math.inf, 0, False),
        ([5.0, -math.inf], [5.0, math.inf], 1e-6, False),
        (math.nan, math.nan, 0, False),
        (None, 0.5, 0, False),
    ],
)
def test_closeness(found: Any, expected: Any, atol: float, verdict: bool) -> None:
    assert agrees("humaneval", "f", [], found, expected, atol) is verdict


@pytest.mark.parametrize(
    ("dataset", "name", "arguments", "found", "expected", "verdict"),
    [
        ("humaneval", "find_zero", [[-1, 2]], 0.5, 7, True),
        ("humaneval", "find_zero", [[-1, 2]], 0.6, 7, False),
        ("mbpp", "Diff", [], [2, 1, 1], [1, 2], True),
        ("mbpp", "Diff", [], [1], [1, 2], False),
        ("humaneval", "Diff", [], [2, 1], [1, 2], False),
        ("mbpp", "check_str", [], "matched", "other match", True),
        ("mbpp", "check_str", [], None, "match", False),
        ("mbpp", "check_str", [], False, None, True),
        ("mbpp", "check_str", [], True, None, False),
        ("mbpp", "are_equivalent", [], False, True, True),
        ("mbpp", "sum_div", [], 0, 12, True),
        ("mbpp", "sum_div", [], 5, 12, False),
        ("mbpp", "surface_Area", [3, 4], 35, 33, True),
        ("mbpp", "surface_Area", [3, 4], 36, 33, False),
        ("mbpp", "digit_distance_nums", [1, 256], 12, 9, True),
        ("mbpp", "digit_distance_nums", [1, 256], 11, 9, False),
    ],
)
def test_the_rules_of_single_tasks(
    dataset: str, name: str, arguments: Sequence[Any], found: Any, expected: Any, verdict: bool
) -> None:
    assert agrees(dataset, name, arguments, found, expected, 1e-4 if name == "find_zero" else 0) is verdict
