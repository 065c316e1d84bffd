"""Votes of reasoned answers and probabilities of direct ones, weighed by a screening call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import pytest

from orchestrator.errors import ConnectionLost
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies._direct import letter_shares
from orchestrator.strategies.aggregators.portfolio import Portfolio
from orchestrator.types import Candidate, Choice, Estimate, Message, Problem, Request, Scored
from tests.run.stage import Played, play
from tests.strategies.judging import beside

QUESTION = Problem("p", (Message("user", "Which?"),), "choice", ("w", "x", "y", "z"))


def reasoned(place: int, letter: str | None) -> Scored:
    text = f"I thought for long. The answer is ({letter})."
    return Scored(Candidate(str(place), "p", text, letter, letter, "e", "s", (place,)))


def direct(place: int, **shares: float) -> Scored:
    known = tuple((letter, math.log(share)) for letter, share in shares.items())
    letter = max(shares, key=lambda name: shares[name])
    text = f"{letter}\n\nthe answer is ({letter})"
    return Scored(Candidate(str(place), "p", text, letter, letter, "e", "s", (place,), alternatives=known))


def screen(said: str, latency: float = 0.0) -> ScriptedExpert:
    return ScriptedExpert(lambda _: said, latency=latency)


def held(scored: Sequence[Scored], expert: ScriptedExpert, rules: Portfolio | None = None) -> Played[Choice]:
    return play(beside(lambda run: (rules or Portfolio())(QUESTION, scored, run)), expert, problem=QUESTION)


def chosen(scored: Sequence[Scored], expert: ScriptedExpert, rules: Portfolio | None = None) -> Choice:
    played = held(scored, expert, rules)
    assert played.result is not None, played.error
    return played.result


SPLIT = [reasoned(0, "A"), reasoned(1, "A"), direct(2, B=0.9, A=0.1), direct(3, B=0.9, C=0.1)]


@pytest.mark.parametrize(
    ("said", "letter", "share"),
    [
        ("Yes.", "A", (4 + 0.1) / (4 + 0.1 + 1.8)),
        ("No, one knows it or not.", "B", 1.8 / (1 + 0.1 + 1.8)),
        ("Perhaps.", "A", (2 + 0.1) / (2 + 0.1 + 1.8)),
    ],
)
def test_reasoned_answers_weigh_double_or_half_as_the_question_takes_working_out(
    said: str, letter: str, share: float
) -> None:
    choice = chosen(SPLIT, screen(said))
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.chosen_by) == (letter, "weight")
    assert choice.confidence == pytest.approx(share)


def test_the_screening_sees_the_question_and_no_answer() -> None:
    expert = screen("yes")
    chosen(SPLIT, expert)
    (request,) = expert.requests
    assert (request.labels.purpose, request.sampling.temperature) == ("screen", 0.0)
    assert "Which?" in request.messages[-1].text
    assert "thought for long" not in request.messages[-1].text


def test_a_screening_that_fails_weighs_nobody() -> None:
    def lost(request: Request) -> str:
        raise ConnectionLost("reset")

    choice = chosen(SPLIT, ScriptedExpert(lost))
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.confidence) == ("A", pytest.approx(2.1 / 3.9))


@pytest.mark.parametrize("scored", [SPLIT[:2], SPLIT[2:], []], ids=["reasoned", "direct", "none"])
def test_with_one_sort_of_answers_nobody_is_asked(scored: list[Scored]) -> None:
    expert = screen("yes")
    choice = chosen(scored, expert)
    assert expert.requests == []
    assert choice.chosen_by == ("none" if not scored else "vote" if scored == SPLIT[:2] else "weight")


def test_the_text_is_a_reasoned_one_where_there_is_one_for_that_answer() -> None:
    choice = chosen([direct(0, A=0.8, B=0.2), reasoned(1, "A"), reasoned(2, "B")], screen("yes"))
    assert choice.candidate is not None
    assert choice.candidate.id == "1"


def test_abstentions_do_not_vote_and_probabilities_of_letters_that_nobody_chose_are_dropped() -> None:
    choice = chosen([reasoned(0, None), reasoned(1, "D"), direct(2, C=0.6, A=0.4)], screen("no"))
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.confidence) == ("C", pytest.approx(0.6 / 1.1))


def test_a_tie_goes_to_the_earliest_in_lineage_order_whatever_came_first() -> None:
    tied = [reasoned(0, "C"), reasoned(1, "A"), direct(2, A=0.5, C=0.5)]
    for order in permutations(tied):
        choice = chosen(list(order), screen("yes"))
        assert choice.candidate is not None
        assert choice.candidate.answer == "C"


def test_estimate_and_settings() -> None:
    assert Portfolio().estimate(QUESTION, 1) == Estimate(0, 1.0, 1, 1)
    assert Portfolio().estimate(Problem("n", (Message("user", "2 + 2?"),), "number"), 1) == Estimate(0, 0.0, 0, 0)
    with pytest.raises(ValueError, match="scratch_pad"):
        Portfolio(scratch_pad=0.0)


class TestShares:
    def test_letters_are_merged_and_other_tokens_left_out(self) -> None:
        told = [("B", math.log(0.4)), (" B", math.log(0.2)), ("(A", math.log(0.1)), ("The", math.log(0.2)), ("b", -1.0)]
        assert letter_shares(told, 3) == pytest.approx((0.1 / 0.7, 0.6 / 0.7, 0.0))

    def test_letters_that_the_question_does_not_have_do_not_count(self) -> None:
        assert letter_shares([("A", math.log(0.5)), ("D", math.log(0.5))], 3) == pytest.approx((1.0, 0.0, 0.0))

    @pytest.mark.parametrize("told", [(), (("The", -0.1),), (("A", math.log(0.15)), ("The", math.log(0.8)))])
    def test_where_letters_have_less_than_a_fifth_there_are_none(self, told: tuple[tuple[str, float], ...]) -> None:
        assert letter_shares(told, 4) is None
