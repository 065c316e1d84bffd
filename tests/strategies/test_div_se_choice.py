"""Names of approaches, how they are counted, and which pairs are kept."""

from __future__ import annotations

import pytest

from orchestrator.strategies._approaches_choice import Mark, best_alone, best_together, interval
from orchestrator.strategies._approaches_naming import most_frequent, names_in, same


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Approach 1: Working backwards", "Working backwards"),
        ("  approach 2 : Working backwards  ", "Working backwards"),
        ("**Approach 3:** Working backwards", "Working backwards"),
        ("**Approach 3: Working backwards**", "Working backwards"),
        ("- Approach #4: Working backwards.", "Working backwards"),
        ("### Approach 5. Working backwards", "Working backwards"),
        ("Approach 1: Working backwards - start at the end", "Working backwards"),
        ("Approach 1: Working backwards: start at the end", "Working backwards"),
        ("Approach 1: Working backwards (from the end)", "Working backwards"),
        ('Approach 1: "Working backwards"', "Working backwards"),
        ("Approach 1: Divide-and-conquer", "Divide-and-conquer"),
        ("1. Working backwards", None),
        ("Working backwards", None),
        ("Approach: Working backwards", None),
        ("Approach one: Working backwards", None),
        ("Approach 1:", None),
        ("Approach 1: <name>", None),
        ("Approach 1: name", None),
        ("Approach 1: ...", None),
        ("An approach 1: Working backwards", None),
        (f"Approach 1: {'very ' * 20}long", None),
    ],
)
def test_only_lines_that_keep_to_the_form_name_an_approach(line: str, name: str | None) -> None:
    assert names_in(f"Here you are:\n{line}\nDone.", "approach", 5) == ([] if name is None else [name])


def test_names_come_in_order_without_doubles_and_no_more_than_asked_for() -> None:
    text = (
        "Approach 1: Algebra\nApproach 2: The algebra method\nApproach 3: Tables\nApproach 4: Cases\nApproach 5: Guess"
    )
    assert names_in(text, "approach", 3) == ["Algebra", "Tables", "Cases"]
    assert names_in("Persona 1: Euler\nPersona 2: a cook", "persona", 9) == ["Euler", "a cook"]


def test_a_name_that_comes_again_stands_where_it_came_first() -> None:
    text = "Approach 1: Algebra\nApproach 2: Tables\nApproach 3: Using algebra\nApproach 4: Cases"
    assert names_in(text, "approach", 5) == ["Algebra", "Tables", "Cases"]
    assert names_in(text, "approach", 1) == ["Algebra"]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("Working backwards", "WORKING BACKWARD", True),
        ("Working backwards", "The working-backwards method", True),
        ("Equations", "Using equations", True),
        ("Process of elimination", "process of elimination approach", True),
        ("Algebra", "Algebraic equations", False),
        ("Process", "Proces", False),
        ("Guess and check", "Check and guess", False),
    ],
)
def test_names_are_one_whatever_their_articles_case_and_plural(one: str, other: str, equal: bool) -> None:
    assert (same(one) == same(other)) is equal


def test_the_most_frequent_names_are_kept_as_they_are_spelled_most_often() -> None:
    replies = [["Algebra", "Tables"], ["the algebra method", "Cases"], ["Algebra"], ["Cases"], []]
    assert most_frequent(replies, 2) == [("Algebra", 3), ("Cases", 2)]
    assert most_frequent([["b"], ["a"]], 1) == [("b", 1)]


def marks(text: str) -> list[Mark]:
    """A letter a problem: `r` is right, `.` is no answer, any other is a wrong answer."""
    return [Mark(None if sign == "." else 0 if sign == "r" else ord(sign), sign == "r") for sign in text]


def voted(*texts: str, size: int, bonus: float = 0.1) -> list[int]:
    return best_together([marks(text) for text in texts], [False] * len(texts[0]), size, bonus)


def test_alone_the_most_accurate_are_kept_and_the_first_of_equals() -> None:
    assert best_alone([marks("rxx"), marks("rrx"), marks("xrr"), marks("...")], 3) == [1, 2, 0]


def test_together_near_duplicates_are_passed_over() -> None:
    """Alone, the two pairs that make the same mistakes are best; together they outvote whoever is right."""
    twins, others = ("rrrrrrxx", "rrrrrrxx"), ("rrxyrrrr", "yyrrrrrr")
    assert best_alone([marks(text) for text in (*twins, *others)], 3) == [0, 1, 2]
    assert voted(*twins, *others, size=3) == [0, 2, 3]


def test_a_pair_that_is_always_right_is_joined_by_the_next_best_not_by_the_most_unlike() -> None:
    assert voted("rrrr", "xyzw", "rrrx", size=2) == [0, 2]


def test_a_pair_without_answers_is_no_gain() -> None:
    assert voted("rrrx", "....", "rrxx", size=2) == [0, 2]
    assert voted("rrrx", "....", "rrrx", "rryr", size=3)[:2] == [0, 3]


def test_a_tie_of_votes_goes_to_the_most_accurate() -> None:
    """With two that differ everywhere, the ensemble is as good as the better of them."""
    assert voted("xxxr", "rrrx", size=2) == [1, 0]


def test_where_a_check_picks_one_right_answer_is_enough() -> None:
    texts = [marks("rrrxxx"), marks("rrryyy"), marks("xxxrrx")]
    assert best_together(texts, [True] * 6, 2, 0.0) == [0, 2]
    assert best_together(texts, [False] * 6, 2, 0.0) == [0, 1]


@pytest.mark.parametrize(
    ("right", "tried", "low", "high"), [(10, 20, 0.299, 0.701), (20, 20, 0.839, 1.0), (0, 20, 0.0, 0.161), (0, 0, 0, 1)]
)
def test_intervals_are_wilsons(right: int, tried: int, low: float, high: float) -> None:
    assert interval(right, tried) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))
