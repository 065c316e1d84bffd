from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import game24
from orchestrator.types import Message, Problem


def asked(prompt: str) -> Problem:
    return Problem("p", (Message("user", prompt),), "game24")


def solved(prompt: str, text: str) -> bool:
    found = game24.read(asked(prompt), text)
    return found is not None and game24.check(game24.numbers_of(asked(prompt)), found.value)


@pytest.mark.parametrize(
    ("puzzle", "text", "expected"),
    [
        ("1 2 3 4", "Answer: (1 + 2 + 3) * 4 = 24", True),
        ("3 3 8 8", "8/(3-8/3)=24", True),
        ("1 2 3 4", "12*(3-1)", False),
        ("1 2 3 4", "(1 + 2 + 3) \u00d7 4 = 24", True),
        ("1 2 3 4", "The answer: (1+2+3)*4=24", True),
        ("1 2 3 4", "24 = (1+2+3)*4", True),
        ("1 1 2 12", "12*2*1**1", False),
        ("3 3 8 8", r"\(\frac{8}{3 - \frac{8}{3}} = 24\)", True),
        ("2 3 4 1", r"Answer: $4 \times 3 \times 2 \times 1 = 24$", True),
        ("1 2 3 4", "**Answer:** [1 + 2 + 3] * 4 = 24.", True),
        ("1 2 3 4", "4 * 3 * 2 = 24", False),
        ("1 2 3 4", "4 * 3 * 2 * 1 * 1 = 24", False),
        ("1 2 3 4", "1 + 2 + 3 + 4 = 24", False),
        ("0 0 4 6", "4 * 6 + 0 / 0", False),
        ("1 2 3 4", "Answer: There is no solution.", False),
        ("1 2 3 4", "2 * 3 = 6 (left: 6 1 4)\n6 * 4 = 24 (left: 1 24)\nAnswer: none", False),
        ("1 2 3 4", "-1 + 25", False),
        ("1 2 3 4", "((((" * 100, False),
        ("1 2 3 4", "", False),
    ],
)
def test_who_solves_the_puzzle(puzzle: str, text: str, expected: bool) -> None:
    assert solved(puzzle, text) is expected


@pytest.mark.parametrize(
    ("prompt", "numbers"),
    [
        ("3 3 8 8", [3, 3, 8, 8]),
        ("Use the numbers 4, 6, 1 and 1 to make 24.", [4, 6, 1, 1]),
        ("Game of 24.\n\nInput: 1 2 3 4\n", [1, 2, 3, 4]),
        ("Use these 4 numbers once: 5 5 5 1, so that the result equals 24", [5, 5, 5, 1]),
        ("nothing", []),
    ],
)
def test_the_numbers_of_a_prompt(prompt: str, numbers: list[int]) -> None:
    assert game24.numbers_of(asked(prompt)) == numbers


@pytest.mark.parametrize(
    "hostile", ["__import__('os')", "9**9**9**9", "(1).real", "1 if 1 else 2", "1,2", "1_0+2", "0x18", "1e3", "24"]
)
def test_nothing_but_sums_is_accepted(hostile: str) -> None:
    assert not game24.check([24], hostile)


def test_spaces_and_signs_do_not_change_the_key() -> None:
    a, b = game24.read(asked("?"), "Answer: (1+2) \u00d7 8 = 24"), game24.read(asked("?"), "( 1 + 2 )*8")
    assert a is not None
    assert b is not None
    assert a.key == b.key
    assert game24.same(asked("?"), "(1+2)*8 = 24", "( 1 + 2 ) * 8")


@given(st.lists(st.integers(1, 13), min_size=4, max_size=4), st.permutations(range(4)))
def test_a_sum_is_24_exactly_when_its_numbers_are(numbers: list[int], order: list[int]) -> None:
    text = " + ".join(str(numbers[i]) for i in order)
    assert game24.check(numbers, text) is (sum(numbers) == 24)


def test_agreement_with_every_recorded_verdict_looked_at(recorded: Callable[..., Any]) -> None:
    seen = 0
    for row, generation in recorded("game24", 5):
        assert solved(row["question"], generation["text"]) == bool(generation["correct"])
        seen += 1
    assert seen > 2000
