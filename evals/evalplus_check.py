"""EvalPlus's comparison of a candidate with the canonical program; runs in the sandbox, on the standard library.

What a candidate returned may be a stand-in for an object of its own, which does as it likes when asked for a number.
"""

from __future__ import annotations

import copy
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def check(
    candidate: Callable[..., Any], name: str, dataset: str, reference: str, inputs: Sequence[Sequence[Any]], atol: float
) -> None:
    """Raises AssertionError at the first input on which `candidate` differs from `name` in the program `reference`."""
    namespace: dict[str, Any] = {"__name__": "canonical"}
    exec(reference, namespace)
    expect = namespace[name]
    for number, arguments in enumerate(inputs):
        expected = expect(*copy.deepcopy(arguments))
        found = candidate(*copy.deepcopy(arguments))
        assert agrees(dataset, name, arguments, found, expected, atol), f"input {number}"


def agrees(dataset: str, name: str, arguments: Sequence[Any], found: Any, expected: Any, atol: float) -> bool:
    """Whether an output counts as right: equal, or close where floats are expected, or as a task's own rule says."""
    if dataset == "humaneval" and name == "find_zero":
        return type(found) in (int, float) and abs(polynomial(arguments[0], found)) <= atol
    exact = equal(dataset, name, arguments, found, expected, atol)
    if atol == 0 and floats(expected):
        atol = 1e-6
    if exact or atol == 0:
        return exact
    if type(found) is not type(expected):
        return False
    return close(found, expected, atol)


def equal(dataset: str, name: str, arguments: Sequence[Any], found: Any, expected: Any, atol: float) -> bool:
    if dataset == "mbpp" and name in SAME_SET:
        return set(found) == set(expected)
    if dataset == "mbpp" and name in NOT_NONE:
        there = expected if isinstance(expected, bool) else expected is not None
        return bool(found == there) if isinstance(found, bool) else there == (found is not None)
    return bool(found == expected) or (dataset == "mbpp" and excused(name, arguments, found, atol))


def excused(name: str, arguments: Sequence[Any], found: Any, atol: float) -> bool:
    """Whether the task also allows another answer, its text having two readings."""
    match name:
        case "are_equivalent":
            return True
        case "sum_div":
            return bool(found == 0)
        case "surface_Area":
            return type(found) in (int, float) and bool(abs(found - pyramid(*arguments)) <= atol)
        case "digit_distance_nums":
            return bool(found == digit_distance(*arguments))
        case _:
            return False


def floats(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def close(found: Any, expected: Any, atol: float) -> bool:
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(found, (list, tuple))
            and len(found) == len(expected)
            and all(close(a, b, atol) for a, b in zip(found, expected, strict=True))
        )
    if isinstance(expected, (int, float, complex)) and isinstance(found, (int, float, complex)):
        return found == expected or (abs(expected) < math.inf and abs(found - expected) <= atol + 1e-7 * abs(expected))
    return False


# Tasks whose results may come in any order, and those that only say whether something was found.
SAME_SET = {
    "similar_elements",
    "find_char_long",
    "common_in_nested_lists",
    "extract_singly",
    "larg_nnum",
    "intersection_array",
    "find_dissimilar",
    "Diff",
}
NOT_NONE = {"check_str", "text_match_three", "text_starta_endb"}


def polynomial(coefficients: Sequence[float], x: float) -> float:
    return sum(coefficient * math.pow(x, power) for power, coefficient in enumerate(coefficients))


def pyramid(edge: float, height: float) -> int:
    """Surface of a square pyramid whose height is that of its apex: the other reading of the task."""
    return round(edge**2 + 2 * edge * math.sqrt((edge / 2) ** 2 + height**2))


def digit_distance(a: int, b: int) -> int:
    """Sum of the differences of digits, the shorter number padded with zeros: the other reading of the task."""
    width = max(len(str(a)), len(str(b)))
    return sum(abs(int(x) - int(y)) for x, y in zip(str(a).zfill(width), str(b).zfill(width), strict=True))
