"""Which questions are one in other words."""

from __future__ import annotations

from itertools import combinations

import pytest

from orchestrator.evals.sets import open_set
from orchestrator.strategies._rewordings import Rewordings, Wording
from orchestrator.types import Kind, Message, Problem


def problem(text: str, *options: str, kind: Kind | None = None) -> Problem:
    return Problem(text, (Message("user", text),), kind or ("choice" if options else "text"), options)


def same(one: Problem, other: Problem, *rest: Problem) -> bool:
    pool = [Wording.of(each) for each in (one, *rest)]
    return Rewordings(pool).same(0, Wording.of(other))


PLANETS = ("Mars", "Jupiter", "Saturn", "Venus")
LARGEST = problem("Which planet is the largest in the solar system?", *PLANETS)


@pytest.mark.parametrize(
    "other",
    [
        LARGEST,
        problem("which PLANET is the largest, in the solar system", *PLANETS),
        problem("Which planet is the largest in the solar system?", *reversed(PLANETS)),
        problem("What is the largest planet of our solar system?", *PLANETS),
        problem("In the solar system, which of the planets is largest?", "mars.", "jupiter", "saturn", "venus"),
    ],
    ids=["itself", "cased", "options in another order", "reworded", "reworded with marks"],
)
def test_a_question_put_in_other_words_is_the_same(other: Problem) -> None:
    assert same(LARGEST, other)
    assert same(other, LARGEST)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LARGEST, problem("Which planet is the smallest in the solar system?", *PLANETS)),
        (LARGEST, problem("Which planet is the largest in the solar system?", "2", "3", "4", "5")),
        (problem("What is gravity?"), problem("What is it that keeps the Moon near the Earth: gravity or friction?")),
        (problem("Is it true?", "yes", "no"), problem("Is it true that the sun is a star?", "yes", "no")),
        (
            problem("A train covers 60 miles in 2 hours. How fast is it?"),
            problem("A train covers 90 miles in 2 hours."),
        ),
        (problem("Add three to five."), problem("Add three to six.")),
        (
            problem("Which statement is true?", "Iron is a metal", "Gold is a gas"),
            problem("Which statement is true?", "Whales are fish", "Bats are mammals"),
        ),
    ],
    ids=["opposite", "other options", "within another", "short", "numbers", "numerals", "one stem"],
)
def test_an_innocent_question_is_not_the_same(one: Problem, other: Problem) -> None:
    assert not same(one, other)
    assert not same(other, one)


def test_numerals_and_words_for_numbers_are_one() -> None:
    assert same(
        problem("A farmer sells three boxes of twelve eggs each. How many eggs are sold?"),
        problem("A farmer sells 3 boxes, each of 12 eggs. How many eggs does the farmer sell?"),
    )


def test_words_that_the_whole_pool_shares_do_not_make_questions_alike() -> None:
    frame = "Complete the assertion with a literal that holds the output of the code when it runs on the input: {}"
    pool = [problem(frame.format(code)) for code in ("sort", "reverse", "count", "upper", "strip", "split")]
    assert not same(*pool[:2], *pool[2:])
    assert same(pool[0], problem(frame.format("sorted")), *pool[1:])


def test_plans_and_games_say_different_things_with_the_same_words() -> None:
    one = problem("The red block is on the blue block. Put the blue block on the red block.", kind="plan")
    assert not same(
        one, problem("The blue block is on the red block. Put the red block on the blue block.", kind="plan")
    )
    assert same(one, problem("the red block is on the blue block; put the blue block on the red block", kind="plan"))
    assert not same(problem("1 2 3 4", kind="game24"), problem("1 2 3 5", kind="game24"))


@pytest.mark.parametrize("name", ["choice", "word_problems", "logic_grid", "game24", "blocksworld"])
def test_no_two_questions_of_a_set_are_taken_for_one(name: str) -> None:
    pool = [Wording.of(case.problem) for case in open_set(f"{name}:limit=80")]
    rewordings = Rewordings(pool)
    assert not [(i, j) for i, j in combinations(range(len(pool)), 2) if rewordings.same(i, pool[j])]
