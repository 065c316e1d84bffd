from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import number
from orchestrator.types import Message, Problem

ASKED = Problem("p", (Message("user", "?"),), "number")


def key(text: str) -> str | None:
    found = number.read(ASKED, text)
    return found.key if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#### 1,234", "1234"),
        ("#### $18", "18"),
        ("The total is 18.", "18"),
        ("#### 18.", "18"),
        ("x=3, y=4", "4"),
        ('{"reasoning": "2 and 3", "answer": "21"}', "21"),
        ('{"reasoning": "raw\nnewline", "answer": 21}', "21"),
        ('{"answer": "$1,200.50 per year"', "2401/2"),
        ('{"answer": "$840 + $756 = $1,596"}', "1596"),
        ("so \\boxed{\\frac{3}{4}}", "3/4"),
        ("so \\boxed{-\\dfrac{3}{4}}", "-3/4"),
        ("The answer is 3/4 of a cup.", "3/4"),
        ("The answer is 1 1/2 hours.", "3/2"),
        ("The answer is -7.", "-7"),
        ("The answer is -$7.", "-7"),
        ("The answer is \u22127.", "-7"),
        ("The answer is **42**.", "42"),
        ('**answer**: "7"', "7"),
        ("The answer is 20%", "20"),
        ("The answer is €1{,}000", "1000"),
        ("The answer is 0.50", "1/2"),
        ("The answer is .5", "1/2"),
        ("The answer is 1.5e3", "1500"),
        ("The answer is $3 \\times 10^{5}$", "300000"),
        ("The answer is 007", "7"),
        ("A: 85", "85"),
        ("steps 20-4\nA robe takes 16-4=12 bolts", "12"),
        ("The answer is 12. There were 3 left before.", "12"),
        ("first 3 apples\nthen 5 apples", "5"),
        ("answer: p-2", None),
        ("\\boxed{2\\sqrt{3}}", None),
        ("\\boxed{6\\pi}", None),
        ("nothing to see", None),
        ("5 apples\nso none are left", None),
        ("we get $\\frac{4a}{a}$ and so on for x", None),
        ("The answer is 1/0", None),
        ("The answer is 1e999999", None),
        ("The answer is " + "9" * 5000, None),
        ("", None),
    ],
)
def test_the_number_that_counts(text: str, expected: str | None) -> None:
    assert key(text) == expected


def test_a_placeholder_of_the_instruction_is_no_answer() -> None:
    assert key('{"answer": "7"}\n\nuse this format: {"answer": "___"}') == "7"


@pytest.mark.parametrize(
    ("reference", "value", "equal"),
    [
        ("18", "$18.00", True),
        ("18", "18.001", False),
        ("1/3", "0.3333333", True),
        ("1/3", "0.333", False),
        ("1/4", "0.2500001", False),
        ("2", "two", False),
    ],
)
def test_equality(reference: str, value: str, equal: bool) -> None:
    assert number.same(ASKED, reference, value) is equal


@given(st.fractions(max_denominator=10**6))
def test_every_rational_is_read_back_exactly(value: Fraction) -> None:
    assert key(f"So the answer is {value}.") == str(value)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_thousands_separators_change_nothing(value: Any) -> None:
    assert key(f"The answer is {value:,}") == key(f"The answer is {value}") == str(Fraction(value))


@given(st.text(max_size=200))
def test_reading_what_was_read_gives_the_same_key(text: str) -> None:
    found = number.read(ASKED, text)
    assert found is None or str(number.rational(found.value)) == found.key


@pytest.mark.parametrize(("name", "every"), [("gsm8k", 9), ("math_l5", 5)])
def test_agreement_with_recorded_verdicts(recorded: Callable[..., Any], name: str, every: int) -> None:
    agree = total = 0
    for row, generation in recorded(name, every):
        if row["kind"] == "number":
            found = number.read(ASKED, generation["text"])
            right = found is not None and number.same(ASKED, row["answer"], found.value)
            agree += right == bool(generation["correct"])
            total += 1
    assert agree / total >= 0.985
