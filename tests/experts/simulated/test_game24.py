"""The simulated experts' way with the game of 24."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from orchestrator.answers.game24 import check, numbers_of, read
from orchestrator.evals.builtin.game24 import rows
from orchestrator.experts.simulated.game24 import FAMILY, Game24
from orchestrator.types import Message, Problem


def task(text: str) -> Game24:
    found = FAMILY.read(text)
    assert found is not None, text
    return found


def drawn(seed: int, number: int) -> Iterator[tuple[Problem, Game24]]:
    for row in islice(rows(seed), number):
        problem = Problem(str(row["id"]), (Message("user", str(row["question"])),), kind="game24")
        yield problem, task(f"You are careful.\n\n{problem.prompt}\n\nThink step by step. {problem.format}")


@pytest.mark.parametrize(
    ("text", "hand"),
    [
        ("Use 4 7 8 8 to make 24", (4, 7, 8, 8)),
        ("Make 24 out of the numbers below, each used once.\n\n13, 2, 10, 1", (1, 2, 10, 13)),
        ("With 3, 3, 8 and 8, each once, get twenty-four.", (3, 3, 8, 8)),
        ("Let's play the 24 game. Numbers: [1, 5, 5, 5]", (1, 5, 5, 5)),
        ("Can you reach exactly 24 from the four numbers 6, 9, 9, and 10?", (6, 9, 9, 10)),
        ("**Numbers:** 3 5 7 11\n**Goal:** 24", (3, 5, 7, 11)),
        ("Combine the cards 2; 5; 5; 10 so that the result is 24", (2, 5, 5, 10)),
        ("Obtain 24.\nInput: 4 4 6 8\nAnswer: (4 + 8) * (6 - 4) = 24\nInput: 1 1 4 6", (1, 1, 4, 6)),
        ("4 7 8 -> 24", (4, 7, 8)),
    ],
)
def test_a_hand_is_read_out_of_many_wordings(text: str, hand: tuple[int, ...]) -> None:
    assert task(text).hand == hand


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4 7 8 8",
        "Make 25 out of 4 7 8 8",
        "Make 24 cakes from the numbers 3, 4, 5",
        "She gives 24 apples to 3, 4 and 5 friends.",
        "What is 2 * 12? The answer is 24.",
        "Make 24 of these: 1 2 3 4 5 6 7",
    ],
)
def test_other_texts_are_not_this_game(text: str) -> None:
    assert FAMILY.read(text) is None


def test_every_hand_of_the_set_is_solved() -> None:
    for problem, found in drawn(101, 150):
        answer = found.solve().answer
        assert check(numbers_of(problem), answer), (problem.prompt, answer)
        assert found.right(answer)


@pytest.mark.slow
def test_thousands_of_hands_are_solved() -> None:
    for problem, found in drawn(102, 2000):
        assert check(numbers_of(problem), found.solve().answer), problem.prompt


def test_a_slip_is_wrong_is_readable_and_follows_from_its_random_numbers() -> None:
    for problem, found in drawn(103, 60):
        for seed in range(3):
            worked = found.solve(random.Random(seed))
            assert not check(numbers_of(problem), worked.answer), (problem.prompt, worked)
            assert not found.right(worked.answer)
            assert found.solve(random.Random(seed)) == worked
            reading = read(problem, f"{worked.steps}\nAnswer: {worked.answer} = 24")
            assert reading is not None
            assert reading.value == worked.answer


def test_the_steps_show_the_slip() -> None:
    """Either a line is false arithmetic, or the numbers are not those of the hand."""
    for problem, found in drawn(104, 60):
        worked = found.solve(random.Random(1))
        false = [line for line in worked.steps[:-1] if not is_true(line)]
        used = sorted(int(n) for n in worked.answer.replace("(", " ").replace(")", " ").split() if n.isdigit())
        assert false or used != sorted(numbers_of(problem)), worked


def is_true(line: str) -> bool:
    left, _, right = line.partition(" = ")
    return abs(eval(left) - eval(right)) < 1e-9


def test_slips_differ_between_random_numbers() -> None:
    found = task("Use 4 7 8 8 to make 24")
    assert len({found.solve(random.Random(seed)).answer for seed in range(30)}) > 5


def test_another_number_gives_another_answer() -> None:
    assert task("Use 4 7 8 8 to make 24").solve().answer != task("Use 4 6 8 8 to make 24").solve().answer


@pytest.mark.parametrize("hand", ["1 1 1 1", "13 13 13 13", "1 1 2"])
def test_a_hand_without_a_solution_is_called_so_and_a_slip_denies_it(hand: str) -> None:
    found = task(f"Use {hand} to make 24")
    assert found.solve().answer == "none"
    assert found.right("none")
    slipped = found.solve(random.Random(3)).answer
    assert slipped != "none"
    assert not found.right(slipped)


@pytest.mark.parametrize("hand", ["3 3 8 8", "1 5 5 5", "3 3 7 7", "4 4 7 7", "1 3 4 6", "1 2 3 4 5", "2 3 4"])
def test_fractions_and_hands_of_other_sizes_are_solved(hand: str) -> None:
    found = task(f"Use {hand} to make 24")
    assert check([int(n) for n in hand.split()], found.solve().answer)


def test_hands_with_fewer_ways_count_as_harder() -> None:
    easy, hard = task("Use 2 4 6 12 to make 24"), task("Use 3 3 8 8 to make 24")
    assert 0 <= easy.difficulty < 0.5 < hard.difficulty <= 1


def test_observations_are_many_and_about_this_hand_and_never_read_as_another() -> None:
    for problem, found in drawn(105, 50):
        remarks = found.observations()
        assert len(set(remarks)) >= 6
        talk = [problem.prompt, *remarks, *found.solve().steps, *found.solve(random.Random(5)).steps]
        assert FAMILY.read("\n".join(talk)) == found
    assert set(task("Use 4 7 8 8 to make 24").observations()) != set(task("Use 4 6 8 8 to make 24").observations())


def test_observations_are_true() -> None:
    remarks = " ".join(task("Use 3 3 8 8 to make 24").observations())
    assert "8 / (1/3) is a last step" in remarks
    assert "a fraction or a negative number is needed" in remarks
    assert "There is one last step" in remarks
    assert "24 / 8 = 3, and the other numbers cannot make 3." in remarks
    assert "Adding everything up gives 22, 2 too few." in remarks
