"""Options in other orders, and the way back."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import answers
from orchestrator.strategies._option_references import freedom
from orchestrator.strategies._options import answer_in_own_order, orders, own_order, reordered
from orchestrator.types import LETTERS, Completion, Message, Problem


def problem(*options: str, question: str = "Which one?") -> Problem:
    return Problem("q", (Message("user", question),), "choice" if options else "text", options)


PLANETS = problem("Mars", "Jupiter", "Saturn", "Venus")


class TestOrders:
    def test_the_first_is_the_questions_own(self) -> None:
        assert orders(PLANETS, 5, random.Random(0))[0] == (0, 1, 2, 3)

    @pytest.mark.parametrize(
        ("options", "count", "different"),
        [(2, 5, 2), (3, 5, 5), (3, 9, 6), (4, 24, 24), (4, 30, 24), (10, 11, 11), (1, 3, 1), (0, 5, 1), (26, 5, 5)],
    )
    def test_they_differ_as_long_as_there_are_others_and_then_come_again(
        self, options: int, count: int, different: int
    ) -> None:
        found = orders(problem(*[f"o{i}" for i in range(options)]), count, random.Random(1))
        assert len(found) == count
        assert len(set(found)) == different
        assert found[different:] == found[: count - different]
        assert all(sorted(order) == list(range(options)) for order in found)

    def test_they_are_drawn_by_the_random_numbers_given(self) -> None:
        assert orders(PLANETS, 5, random.Random(3)) == orders(PLANETS, 5, random.Random(3))
        assert orders(PLANETS, 5, random.Random(3)) != orders(PLANETS, 5, random.Random(4))

    def test_every_order_is_as_likely_as_any_other(self) -> None:
        rng, three = random.Random(5), problem("a", "b", "c")
        drawn = [orders(three, 2, rng)[1] for _ in range(5000)]
        others = set(permutations(range(3))) - {(0, 1, 2)}
        assert set(drawn) == others
        assert all(850 < drawn.count(order) < 1150 for order in others)

    @given(st.integers(2, 12), st.integers(0, 99))
    def test_what_is_pinned_stays_in_every_order(self, count: int, seed: int) -> None:
        free = problem(*[f"option number {i}" for i in range(count - 1)], "none of the above")
        for order in orders(free, 6, random.Random(seed)):
            assert order[-1] == count - 1


class TestReferences:
    """Options that speak of others."""

    @pytest.mark.parametrize(
        "option",
        [
            "All of the above",
            "None of the above.",
            "none of these",
            "Any of the above",
            "Neither of them",
            "more than one of the above",
            "All the above",
            "all of the other options",
            "No other option is right",
            "None of the answers",
            "Both are correct",
            "Neither statement is true",
            "None",
            "*None.*",
            "The answers above",
            "two of the following",
        ],
    )
    def test_a_word_for_a_set_pins_its_option_alone(self, option: str) -> None:
        assert freedom(problem("x", "y", "z", option)).groups == ((0, 1, 2),)

    @pytest.mark.parametrize(
        ("option", "groups"),
        [
            ("Both A and B", ((2, 3),)),
            ("both (A) and (B)", ((2, 3),)),
            ("A & C", ((1, 3),)),
            ("A and/or C", ((1, 3),)),
            ("B, C", ((0, 3),)),
            ("A, B and D", ()),
            ("A, C, and D only", ()),
            ("Neither A nor B", ((2, 3),)),
            ("either (B) or (C)", ((0, 3),)),
            ("Same as option B", ((0, 2, 3),)),
            ("Only C", ((0, 1, 3),)),
            ("(D) only", ((0, 1, 2),)),
            ("the first of these options", ()),
        ],
    )
    def test_a_letter_pins_the_option_it_names_too(self, option: str, groups: tuple[tuple[int, ...], ...]) -> None:
        assert freedom(problem("w", "x", "y", "z", option)).groups == groups

    def test_all_of_the_above_keeps_the_same_options_above_it(self) -> None:
        assert freedom(problem("a", "b", "all of the above", "c", "d")).groups == ((0, 1), (3, 4))
        assert freedom(problem("a", "b", "all of the above", "none of the above")).groups == ((0, 1),)
        assert freedom(problem("a", "all of the above", "b")).groups == ()

    @pytest.mark.parametrize(
        "option",
        [
            "A dog and a cat",
            "Vitamin K",
            "temperatures above zero",
            "They attract each other",
            "A plan to replace one another",
            "A only child",
            "none the wiser",
            "I and II only",
            "the first law of motion",
            "either side of the river",
            "A",
            "Type O blood",
            "1.5 J/K",
            "A + B",
        ],
    )
    def test_an_innocent_option_moves(self, option: str) -> None:
        assert freedom(problem("w", "x", "y", option)).groups == ((0, 1, 2, 3),)

    @pytest.mark.parametrize(
        "question",
        [
            "Is option A better than the rest?",
            "Why is answer (B) wrong?",
            "Which?\n\nA. Mars\nB. Jupiter\nC. Saturn",
            "Which one: (A) Mars, (B) Jupiter or (C) Saturn?",
        ],
    )
    def test_nothing_moves_where_the_question_speaks_of_letters(self, question: str) -> None:
        told = problem("Mars", "Jupiter", "Saturn", question=question)
        assert freedom(told).groups == ()
        assert orders(told, 3, random.Random(0)) == [(0, 1, 2)] * 3

    @pytest.mark.parametrize(
        "question",
        ["Choose the best answer.", "Answer A question", "Which choice is wise?", "What does A Mars rover do?"],
    )
    def test_words_of_answers_and_options_alone_pin_nothing(self, question: str) -> None:
        assert freedom(problem("Mars", "Jupiter", question=question)).groups == ((0, 1),)


class TestTheWayBack:
    ORDER = (2, 0, 3, 1)

    def test_a_reordered_question_shows_its_options_in_that_order(self) -> None:
        assert reordered(PLANETS, self.ORDER).options == ("Saturn", "Mars", "Venus", "Jupiter")

    async def test_a_letter_is_that_of_the_same_text_in_the_question(self) -> None:
        answer = await answer_in_own_order(PLANETS, self.ORDER, Completion("The answer is (D)."))
        assert (answer.value, answer.key) == ("B", "B")

    async def test_an_options_text_is_read_as_well(self) -> None:
        answer = await answer_in_own_order(PLANETS, self.ORDER, Completion("The answer is Saturn."))
        assert answer.key == "C"

    async def test_the_questions_own_order_leaves_the_reply_as_it_is(self) -> None:
        answer = await answer_in_own_order(PLANETS, own_order(PLANETS), Completion("The answer is (B)."))
        assert (answer.text, answer.key) == ("The answer is (B).", "B")

    async def test_a_reply_without_an_answer_abstains_and_keeps_its_text(self) -> None:
        answer = await answer_in_own_order(PLANETS, self.ORDER, Completion("No idea."))
        assert (answer.abstains, answer.text) == (True, "No idea.")

    @pytest.mark.parametrize(
        "reply",
        [
            "It is huge. The answer is (D).",
            "The answer is (D).\n\nQuestion: What else?\nThe answer is (A).",
            "**The answer is (D)**\n",
            "Jupiter",
        ],
        ids=["plain", "goes on", "marked", "text alone"],
    )
    async def test_whoever_reads_the_text_again_finds_the_same_answer(self, reply: str) -> None:
        answer = await answer_in_own_order(PLANETS, self.ORDER, Completion(reply))
        assert answer.key == "B"
        assert (again := answers.read_now(PLANETS, answer.text)) is not None
        assert again.key == "B"

    async def test_questions_without_options_are_read_as_ever(self) -> None:
        number = Problem("n", (Message("user", "2 + 2?"),), "number")
        answer = await answer_in_own_order(number, (), Completion("The answer is 4"))
        assert (answer.value, answer.key) == ("4", "4")

    @pytest.mark.parametrize("count", [2, 3, 4, 10])
    async def test_a_stub_that_always_picks_the_true_text_is_always_right(self, count: int) -> None:
        asked = problem(*[f"text {i}" for i in range(count)])
        for true in range(count):
            for order in orders(asked, 12, random.Random(true)):
                letter = LETTERS[reordered(asked, order).options.index(asked.options[true])]
                answer = await answer_in_own_order(asked, order, Completion(f"The answer is ({letter})"))
                assert answer.key == LETTERS[true]
