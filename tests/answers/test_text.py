from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import text
from orchestrator.answers.literals import literal_key, literals_equal
from orchestrator.types import Message, Problem

ASKED = Problem("p", (Message("user", "?"),), "text")
LITERAL = Problem("p", (Message("user", "?"),), "text", meta={"answer_format": "python literal"})


def value(reply: str) -> str | None:
    found = text.read(ASKED, reply)
    return found.value if found else None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Well.\nFinal answer: The Beatles.", "The Beatles"),
        ("Final answer: x\nno\n**Final Answer:** **Paris**", "Paris"),
        ("Final answer:\n  Paris\nbye", "Paris"),
        ("The answer is 'blue'.", "blue"),
        ("Answer: yes", "yes"),
        ('{"reasoning": "r", "answer": "blue"}', "blue"),
        ('{"answer": ["a", 1]}', '["a",1]'),
        ("Just blue.", "Just blue."),
        ("   ", None),
    ],
)
def test_what_is_the_answer(reply: str, expected: str | None) -> None:
    assert value(reply) == expected


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("The Beatles", "beatles!", True),
        ("1,000 km", "1000 km", True),
        ("-5", "5", False),
        ("3.5", "35", False),
        ("well-known", "well known", True),
        ("blue", "red", False),
        ("!", "?", False),
    ],
)
def test_keys_forget_case_punctuation_and_articles(a: str, b: str, equal: bool) -> None:
    assert (text.key(a) == text.key(b)) is equal
    assert text.same(ASKED, a, b) is equal


def test_a_long_answer_has_a_short_key() -> None:
    a, b = "word " * 500 + "a1", "word " * 500 + "b2"
    assert len(text.key(a)) < 60
    assert text.key(a) != text.key(b)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("{1: 2, 3: 4}", "{3:4,1:2}", True),
        ("['a', \"b\"]", '["a", "b"]', True),
        ("(1,)", "[1]", False),
        ("'abc'", "abc", True),
        ("'89'", "89", True),
        ("True", "1", False),
        ("1.0", "1", True),
        ("' a'", "'a'", False),
        ("'a\\nb'", "a\\nb", True),
        ("{1, 2}", "{2, 1}", True),
        ("[1, 2]", "[2, 1]", False),
        ("f(x)", "f(x)", True),
    ],
)
def test_literals_are_compared_by_value(a: str, b: str, equal: bool) -> None:
    assert text.same(LITERAL, a, b) is equal


def test_an_empty_string_is_an_answer_where_literals_are_asked_for() -> None:
    found = text.read(LITERAL, '{"reasoning": "r", "answer": ""}')
    assert found is not None
    assert text.same(LITERAL, "''", found.value)


@pytest.mark.parametrize(
    "hostile", ["(" * 5000, "-" * 5000 + "1", "\x00", "__import__('os').getcwd()", "[" * 90 + "]" * 90]
)
def test_what_is_no_literal_is_a_string(hostile: str) -> None:
    assert literals_equal(hostile, hostile)


_LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: not isinstance(value, str))


@given(_LITERALS)
def test_every_literal_equals_its_own_text(value: object) -> None:
    assert literal_key(repr(value)) == literal_key(f"  {value!r} ")


def test_agreement_with_recorded_verdicts(recorded: Callable[..., Any]) -> None:
    agree = total = 0
    for row, generation in recorded("crux_o", 6):
        found = text.read(LITERAL, generation["text"])
        right = found is not None and text.same(LITERAL, row["answer"], found.value)
        agree += right == bool(generation["correct"])
        total += 1
    assert agree / total >= 0.98


PASSAGE = Problem("p", (Message("user", "Write a story."),), "text", meta={"answer_format": "passage"})


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("A plan.\n\nFinal answer:\n\nOnce there was\na cat.\n\nThe end.\n", "Once there was\na cat.\n\nThe end."),
        ("**Final answer:** Once.", "Once."),
        ('I put it behind "Final answer:".\nFinal answer: first\nFinal answer: last\nline', "last\nline"),
        ('Final answer: a story\nIt stands behind "Final answer:".', 'a story\nIt stands behind "Final answer:".'),
        ("Once there was a cat.", None),
        ("Final answer:\n\n", None),
        ("The answer is a cat.", None),
    ],
)  # fmt: skip
def test_a_passage_is_all_behind_the_last_marker(reply: str, value: str | None) -> None:
    reading = text.read(PASSAGE, reply)
    assert (reading.value if reading else None) == value
