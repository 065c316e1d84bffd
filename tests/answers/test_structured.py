from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import structured
from orchestrator.types import Message, Problem

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
}
ASKED = Problem("p", (Message("user", "?"),), "json")
FITTED = Problem("p", (Message("user", "?"),), "json", schema=SCHEMA)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def value(text: str, problem: Problem = ASKED) -> object:
    found = structured.read(problem, text)
    return None if found is None else json.loads(found.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('```json\n{"a": 1}\n```\nthen\n```json\n{"a": 2}\n```', {"a": 2}),
        ('```json\n{"a": 1}\n```\n```\nnot json\n```', {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ('Here it is: {"a": [1, 2]} as asked.', {"a": [1, 2]}),
        ('First {"a": 1}, no: {"a": 2}!', {"a": 2}),
        ("~~~\n[1, 2]\n~~~", [1, 2]),
        ('```json\n{"a": 1}', {"a": 1}),
        ('{"a": "raw\nnewline"}', {"a": "raw\nnewline"}),
        ("3", 3),
        ("no value", None),
        ('{"a": NaN}', None),
        ('{"a": 1', None),
        ("[" * 5000, None),
    ],
)
def test_the_value_that_counts(text: str, expected: object) -> None:
    assert value(text) == expected


def test_a_value_that_fits_the_schema_is_preferred() -> None:
    text = '{"name": "Ada"} and then the schema {"type": "object"}'
    assert value(text, FITTED) == {"name": "Ada"}
    assert value(text) == {"type": "object"}


@pytest.mark.parametrize(
    ("instance", "says"),
    [
        ({"name": "Ada", "age": 3}, None),
        ({"name": "Ada", "age": 3.5}, "3.5 is not of type 'integer'"),
        ({"age": 3}, "'name' is a required property"),
        ({"name": "Ada", "age": -1}, "less than the minimum"),
        ([], "is not of type 'object'"),
    ],
)
def test_mismatch_says_what_is_wrong(instance: object, says: str | None) -> None:
    found = structured.mismatch(instance, SCHEMA)  # type: ignore[arg-type]
    assert found is None if says is None else (found is not None and says in found and "\n" not in found)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ('{"a":1,"b":2}', '{ "b": 2.0, "a": 1 }', True),
        ("[1, 2]", "[2, 1]", False),
        ("true", "1", False),
        ('"x"', "x", False),
    ],
)
def test_equality_is_that_of_the_values(a: str, b: str, equal: bool) -> None:
    assert structured.same(ASKED, a, b) is equal


@given(VALUES)
def test_layout_never_changes_the_key(instance: object) -> None:
    compact, wide = json.dumps(instance), json.dumps(instance, indent=3, ensure_ascii=False, sort_keys=True)
    first, second = structured.read(ASKED, compact), structured.read(ASKED, f"```json\n{wide}\n```")
    assert first is not None
    assert second is not None
    assert first.key == second.key
