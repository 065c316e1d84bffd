"""The comparators of values case by case: what the field calls right, and what hostile programs would like to be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.sandbox._cell.compare import same, same_output

NAN, INF = math.nan, math.inf
THIRD = 0.1 + 0.2

# found, expected, right
EXACT: list[tuple[Any, Any, bool]] = [
    (3, 3, True),
    (3, 4, False),
    (1.0, 1, True),
    (True, 1, True),
    (None, None, True),
    (None, False, False),
    ("1", 1, False),
    (b"a", "a", False),
    (1 + 0j, 1, True),
    (THIRD, 0.3, False),
    ((1, 2), [1, 2], True),
    ([1, 2], (1, 2), True),
    ([(1, [2])], ([1, (2,)],), True),
    ([1, 2], [2, 1], False),
    ([1, 2], [1, 2, 3], False),
    ([], [], True),
    ([], (), True),
    ([], None, False),
    ([], {}, False),
    ({}, set(), False),
    ({1, 2}, {2, 1}, True),
    (frozenset({1, 2}), {2, 1}, True),
    ({1, 2}, {1, 3}, False),
    ([1, 2], {1, 2}, False),
    ({"a": (1, 2), "b": 3}, {"b": 3, "a": [1, 2]}, True),
    ({"a": 1}, {"a": 1, "b": 2}, False),
    ({"a": 1, "c": 2}, {"a": 1, "b": 2}, False),
    ({(1, 2): 3}, {(1, 2): 3}, True),
    ({1: "x"}, {"1": "x"}, False),
    (INF, INF, True),
    (-INF, INF, False),
    (NAN, NAN, False),
    ([NAN], [NAN], False),
    ({NAN}, {NAN}, False),
    ({"a": NAN}, {"a": NAN}, False),
    ({NAN: 1}, {NAN: 1}, False),
    ({(NAN, 1): 1}, {(NAN, 1): 1}, False),
    (10**400, 10**400, True),
    (10**400, 1e300, False),
    (10**400, INF, False),
    (2**53 + 1, float(2**53), False),
]

# found, expected, atol, right
TOLERANCE: list[tuple[Any, Any, float | None, bool]] = [
    (THIRD, 0.3, 1e-9, True),
    (0.3001, 0.3, 1e-9, False),
    (0.3001, 0.3, 1e-3, True),
    (1, 1.0000000001, 1e-9, True),
    (3, 4, 1.0, True),
    (3, 5, 1.0, False),
    (1e9 + 0.5, 1e9, 1e-6, False),  # absolute alone
    (THIRD, 0.3, 0.0, False),
    ([(THIRD, "a")], [[0.3, "a"]], 1e-9, True),
    ([(THIRD, "b")], [[0.3, "a"]], 1e-9, False),
    ({"x": THIRD}, {"x": 0.3}, 1e-9, True),
    ((THIRD,), (0.3, 0.3), 1e-9, False),
    (1 + THIRD * 1j, 1 + 0.3j, 1e-9, True),
    ("0.3", 0.3, 1.0, False),
    (None, 0.0, 1.0, False),
    (True, 1.5, 1.0, False),
    (True, 1.0, 0.0, True),
    (NAN, NAN, 1e9, False),
    (NAN, 0.3, 1e9, False),
    (0.3, NAN, 1e9, False),
    (0.3, INF, 1e9, False),
    (INF, 0.3, 1e9, False),
    (INF, INF, 1e-9, True),
    (INF, -INF, INF, False),
    (0.3, 0.3, NAN, True),
    (0.4, 0.3, NAN, False),
    (0.3, 0.3, -1.0, True),
    (10**400, 1e300, 1.0, False),
    (1e300, 10**400, 1.0, False),
    (10**17 + 1, 1e17, 0.5, False),
    (1e17, 10**17 + 1, 0.5, False),
    (10**17 + 1, 1e17, 1.0, True),
    (0.3000005, 0.3, None, True),
    (0.30001, 0.3, None, False),
    (1000000.5, 1e6, None, True),
    (1000002.0, 1e6, None, False),
    (1000000.5, 10**6, None, False),  # a whole number is expected: no share of it
    (2.0000001, 2, None, True),
    (10**9 + 1, 10**9, None, False),
]

EVALPLUS: list[tuple[Any, Any, float | None, bool]] = [
    (1, 1, None, True),
    (1, 2, None, False),
    (1.0, 1, None, True),
    (True, 1, 0.0, True),
    (THIRD, 0.3, None, True),
    (THIRD, 0.3, 0.0, True),
    (0.3 + 1e-5, 0.3, 0.0, False),
    (0.3 + 1e-5, 0.3, 1e-4, True),
    (1e9 + 50, 1e9, 0.0, True),
    (1e9 + 150, 1e9, 0.0, False),
    (1000000050, 10**9, 0.0, False),  # no float expected: no tolerance
    (1000000050, 10**9, 1e-6, True),
    (1, 1.0000001, 0.0, False),  # not of the same type
    ([THIRD, 1.0], [0.3, 1.0], 0.0, True),
    ((THIRD, 1.0), (0.3, 1.0), 0.0, True),
    ((THIRD, 1.0), [0.3, 1.0], 0.0, False),
    ((0.3, 1.0), [0.3, 1.0], 0.0, False),
    ([THIRD, 1], [0.3, 1], 0.0, False),  # not all floats: no tolerance of its own
    ([THIRD, 1], [0.3, 1], 1e-6, True),
    ([THIRD], [0.3, 1.0], 0.0, False),
    ([[THIRD], [1.0]], [[0.3], [1.0]], 0.0, False),
    ([[THIRD], [1.0]], [[0.3], [1.0]], 1e-6, True),
    ([[0.3], [0.3]], [[0.3, 0.3], [0.3, 0.3]], 1e-6, False),
    ([], [], 0.0, True),
    ([], [0.3], 0.0, False),
    ([1.0], [], 0.0, False),
    (["a", THIRD], ["a", 0.3], 1e-6, False),
    ({"a": THIRD}, {"a": 0.3}, 1e-6, False),
    ({THIRD}, {0.3}, 1e-6, False),
    ("0.3", "0.30", 1e-6, False),
    (None, 0.0, 1e-6, False),
    (1 + THIRD * 1j, 1 + 0.3j, 1e-6, True),
    (NAN, NAN, 0.0, False),
    ([NAN], [NAN], 1e-6, False),
    (NAN, 1.0, 1e9, False),
    (INF, INF, 0.0, True),
    (5.0, INF, 0.0, False),
    (5.0, INF, 1e-6, False),
    (INF, 5.0, 1e-6, False),
    ([5.0, -INF], [5.0, INF], 1e-6, False),
    (10**400, 10**400 + 1, 1e-6, False),
    (1e300, 10**400, 1e-6, False),
]

LCB: list[tuple[Any, Any, bool]] = [
    (3, 3, True),
    (1.0, 1, True),
    (THIRD, 0.3, False),
    ((1, 2), [1, 2], True),
    ([(1, 2)], [[1, 2]], False),  # the benchmark turns the outermost tuple alone into a list
    ([[1], [2]], [[1], [2]], True),
    (True, True, True),
    ("a", "a", True),
    ({"a": [1]}, {"a": [1]}, True),
    ({1: "a"}, {"1": "a"}, False),
    (None, None, True),
    (None, [], False),
    ({1, 2}, [1, 2], False),
    (NAN, NAN, False),
]

LCB_TOL: list[tuple[Any, Any, bool]] = [
    (THIRD, 0.3, True),
    (0.30001, 0.3, False),
    (1e9 + 50, 1e9, True),
    (1e9 + 5000, 1e9, False),
    ((THIRD, 1), [0.3, 1], True),
    ([(THIRD, 1)], [[0.3, 1]], False),
    (2.0000001, 2, False),  # a whole number is expected
    (10**9 + 1, 10**9, False),
    (True, 1.0000001, False),
    (NAN, NAN, False),
    (5.0, INF, False),
]


@pytest.mark.parametrize(("found", "expected", "right"), EXACT, ids=range(len(EXACT)))
def test_exact_is_equality_with_tuples_for_lists(found: Any, expected: Any, right: bool) -> None:
    assert same("exact", found, expected) is right


@pytest.mark.parametrize(("found", "expected", "atol", "right"), TOLERANCE, ids=range(len(TOLERANCE)))
def test_tolerance_is_absolute(found: Any, expected: Any, atol: float | None, right: bool) -> None:
    assert same("tolerance", found, expected, atol) is right


@pytest.mark.parametrize(("found", "expected", "atol", "right"), EVALPLUS, ids=range(len(EVALPLUS)))
def test_evalplus_is_equality_or_closeness_in_one_type(
    found: Any, expected: Any, atol: float | None, right: bool
) -> None:
    assert same("evalplus", found, expected, atol) is right


@pytest.mark.parametrize(("found", "expected", "right"), LCB, ids=range(len(LCB)))
def test_lcb_calls_return_json(found: Any, expected: Any, right: bool) -> None:
    assert same("lcb", found, expected) is right


@pytest.mark.parametrize(("found", "expected", "right"), LCB_TOL, ids=range(len(LCB_TOL)))
def test_lcb_with_tolerance_lets_expected_floats_be_missed(found: Any, expected: Any, right: bool) -> None:
    assert same("lcb+tol", found, expected) is right


class Agreeable:
    """Answers every comparison with yes, as a stand-in for an object of the program's might."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return hash(1)

    def __abs__(self) -> float:
        return 0.0

    def __rsub__(self, other: object) -> float:
        return 0.0

    __sub__ = __rsub__
    __class__ = int  # type: ignore[assignment]


class Listlike(list[Any]):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def wrapped(value: Any) -> list[tuple[Any, Any]]:
    """What is found, and what is expected, with `value` at every place where a value can be."""
    return [
        (value, 1),
        ([value], [1]),
        ((value,), (1,)),
        ({"a": value}, {"a": 1}),
        ([{"a": [value]}], [{"a": [1]}]),
    ]


RULES = ["exact", "tolerance", "evalplus", "lcb", "lcb+tol"]


@pytest.mark.parametrize("rule", RULES)
def test_nothing_that_answers_for_itself_is_asked(rule: str) -> None:
    places = [*wrapped(Agreeable()), ({Agreeable()}, {1}), ({Agreeable(): 2}, {1: 2}), ({(Agreeable(),)}, {(1,)})]
    for found, expected in places:
        assert same(rule, found, expected, 1e9) is False
    for found, _ in wrapped(Listlike([2])):
        assert same(rule, found, [1], 1e9) is False
        assert same(rule, found, [[1]], 1e9) is False


def nested(make: Callable[[Any], Any], depth: int, core: Any) -> Any:
    for _ in range(depth):
        core = make(core)
    return core


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", ["list", "tuple", "dict"])
def test_depth_does_not_matter(rule: str, shape: str) -> None:
    make: Callable[[Any], Any] = {"list": lambda v: [v], "tuple": lambda v: (v,), "dict": lambda v: {"k": v}}[shape]
    found, other = nested(make, 20_000, 1), nested(make, 20_000, 2)
    assert same(rule, found, 1, 1e-6) is False
    assert same(rule, found, other, 1e-6) is False
    a_tuple_is_no_json = shape == "tuple" and rule in ("lcb", "lcb+tol")
    assert same(rule, found, nested(make, 20_000, 1)) is not a_tuple_is_no_json


@pytest.mark.parametrize("rule", ["", "eval", "lcb "])
def test_an_unknown_comparison_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="compared by"):
        same(rule, 1, 1)
    with pytest.raises(ValueError, match="compared by"):
        same_output(rule, "1", "1")
