"""Suites as data: their names, and what is known of them without running anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.sandbox import Asserts, Call, Calls, Stdio, Stream, Suite
from orchestrator.sandbox.packing import Inputs, packed

ONE_EACH: list[Suite | Inputs] = [
    Calls("f", (Call((1,), 2),)),
    Calls("g", (Call((1,), 2),)),
    Calls("f", (Call((1,), True),)),
    Calls("f", (Call((1,), 1),)),
    Calls("f", (Call((1,), 1.0),)),
    Calls("f", (Call(([1],), 2),)),
    Calls("f", (Call(((1,),), 2),)),
    Calls("f", (Call(({1: 2},), 2),)),
    Calls("f", (Call(({"1": 2},), 2),)),
    Calls("f", (Call(({1, 2},), 2),)),
    Calls("f", (Call((b"a",), 2),)),
    Calls("f", (Call(("a",), 2),)),
    Calls("f", (Call((1,), 2), Call((1,), 2))),
    Calls("f", (Call((1,), 2),), "lcb"),
    Calls("f", (Call((1,), 2),), "tolerance", 0.1),
    Asserts(("assert f(1) == 2",)),
    Asserts(("assert f(1) == 2",), "f"),
    Asserts(("assert f(1) == 2",), None, "x = 1"),
    Asserts(("assert f(1) == 2",), trusted=False),
    Asserts(("assert f(1)", "== 2")),
    Stdio((Stream("1", "2"),)),
    Stdio((Stream("1", "2"),), "exact"),
    Stdio((Stream("12", ""),)),
    Inputs("f", ((1,),)),
    Inputs("f", ((1,), ())),
]


def test_every_difference_makes_another_name() -> None:
    names = [packed(suite).key for suite in ONE_EACH]
    assert len(set(names)) == len(names)


def test_equal_suites_have_one_name() -> None:
    for suite in ONE_EACH:
        assert packed(suite).key == packed(suite).key


def test_what_goes_to_the_processes_is_json() -> None:
    for suite in ONE_EACH:
        body = json.loads(packed(suite).body)
        assert json.loads(json.dumps(body)) == body


@pytest.mark.parametrize(
    ("suite", "total", "runs"),
    [
        (Calls("f", (Call((1,), 2),) * 3), 3, 1),
        (Calls("f", ()), 0, 1),
        (Asserts(("a", "b")), 2, 1),
        (Stdio((Stream("", ""),) * 3), 3, 3),
        (Stdio(()), 0, 1),
        (Inputs("f", ((), ())), 2, 1),
    ],
    ids=range(6),
)
def test_tests_and_runs_are_counted(suite: Suite | Inputs, total: int, runs: int) -> None:
    found = packed(suite)
    assert (found.total, found.runs) == (total, runs)


@pytest.mark.parametrize("value", [object(), print, [1, {2: lambda: 3}]], ids=range(3))
def test_what_is_no_plain_data_is_refused(value: Any) -> None:
    for suite in (Calls("f", (Call((value,), 1),)), Calls("f", (Call((1,), value),)), Inputs("f", ((value,),))):
        with pytest.raises(TypeError, match="no plain data"):
            packed(suite)


def test_no_expected_value_is_among_what_the_program_is_asked() -> None:
    body = json.loads(packed(Calls("f", (Call(("given",), "SEALED"),))).body)
    assert "SEALED" in json.dumps(body["expected"])
    assert "SEALED" not in json.dumps(body["calls"])


def test_names_in_tests_that_nobody_vouches_for_are_read_as_words() -> None:
    body = json.loads(packed(Asserts(("assert f(héllo) == (", "x.y"), "entry", "def g(): pass", trusted=False)).body)
    assert {"f", "héllo", "x", "y", "entry", "g"} <= set(body["wanted"])


def test_comparisons_that_there_are_not_are_refused() -> None:
    with pytest.raises(ValueError, match=r"outputs cannot be compared by 'evalplus'; there are exact, lcb, lcb\+tol"):
        Stdio((), "evalplus")
    with pytest.raises(ValueError, match="values cannot be compared by 'close'; there are exact, tolerance, evalplus"):
        Calls("f", (), "close")  # type: ignore[arg-type]
