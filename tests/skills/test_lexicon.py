"""Skills told by the words of a question alone."""

from __future__ import annotations

import pytest

from orchestrator.skills import skills_told


@pytest.mark.parametrize(
    ("text", "field", "skill"),
    [
        ("A fair coin is tossed 3 times. What is the probability of two heads?", "mathematics", "probability"),
        ("Find the determinant of the matrix, and its eigenvalues.", "mathematics", "linear algebra"),
        ("The gas is compressed in an adiabatic process; find its temperature.", "physics", "thermodynamics"),
        ("The buyer sued for breach; was there an offer and acceptance of the contract?", "law", "contracts"),
        ("A 45-year-old patient presents with fever and chronic cough.", "medicine", "clinical medicine"),
        ("Write a Python function that returns the list sorted.", "computing", "programming"),
        ("What is the elasticity of the demand curve of a monopoly?", "economics", "microeconomics"),
        ("Tom has 5 dollars and buys 3 apples. How much money is left over?", "word problems", "money"),
        ("Use each number once to make 24: 4 7 8 8", "puzzles", "search"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_the_field_comes_first_and_then_the_skills(text: str, field: str, skill: str) -> None:
    found = skills_told(text)
    assert found[0] == field
    assert skill in found


def test_words_that_say_nothing_tell_no_skills() -> None:
    assert skills_told("Hmm, what now?") == ()


def test_parts_of_words_tell_nothing() -> None:
    assert "probability" not in skills_told("He was indicated for coinage.")


def test_at_most_four_skills_and_their_field_are_told() -> None:
    text = "triangle circle prime integer integral derivative matrix determinant coin dice equation quadratic"
    assert len(skills_told(text)) <= 5


def test_a_long_text_is_read_at_both_ends() -> None:
    filling = "blah " * 4000
    assert "probability" in skills_told(f"{filling} the probability that a fair coin shows heads")
    assert "contracts" in skills_told(f"The contract was a promise, in breach of the agreement. {filling}")
