"""The built-in set of games of 24."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, permutations, product

import pytest

from orchestrator.answers.game24 import numbers_of
from orchestrator.evals.builtin.game24 import rows, ways
from orchestrator.types import Message, Problem


def problem(row: dict[str, object]) -> Problem:
    return Problem(str(row["id"]), (Message("user", str(row["question"])),), kind="game24")


def reaches(hand: tuple[Fraction, ...]) -> bool:
    """The plain way to find out: put any two together, and go on."""
    if len(hand) == 1:
        return hand[0] == 24
    for a, b, *rest in permutations(hand):
        for result in (a + b, a - b, a * b, *([a / b] if b else [])):
            if reaches((result, *rest)):
                return True
    return False


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    first = list(islice(rows(1), 40))
    assert first == list(islice(rows(1), 40))
    assert {str(row["question"]) for row in first}.isdisjoint(str(row["question"]) for row in islice(rows(2), 40))


def test_ids_and_hands_come_once() -> None:
    drawn = list(islice(rows(3), 300))
    assert len({row["id"] for row in drawn}) == 300
    assert len({tuple(sorted(numbers_of(problem(row)))) for row in drawn}) == 300


def test_every_hand_has_four_numbers_where_the_checker_looks_for_them_and_makes_24() -> None:
    for row in islice(rows(4), 60):
        hand = numbers_of(problem(row))
        assert len(hand) == 4, row
        assert reaches(tuple(map(Fraction, hand))), row


def test_levels_come_in_turn_and_hard_hands_have_fewer_ways() -> None:
    drawn = list(islice(rows(5), 90))
    counts = {
        level: [ways(tuple(sorted(numbers_of(problem(row))))) for row in drawn if row["category"] == level]
        for level in ("easy", "medium", "hard")
    }
    assert [len(found) for found in counts.values()] == [30, 30, 30]
    assert min(counts["easy"]) > max(counts["medium"]) >= min(counts["medium"]) > max(counts["hard"])


@pytest.mark.parametrize(("hand", "number"), [((1, 1, 1, 1), 0), ((3, 3, 8, 8), 1), ((1, 5, 5, 5), 1)])
def test_ways_are_counted_with_fractions(hand: tuple[int, ...], number: int) -> None:
    assert ways(hand) == number


def test_a_hand_has_ways_exactly_if_24_can_be_reached() -> None:
    for hand in product((1, 5, 9, 13), (2, 7), (3, 11), (4,)):
        assert (ways(tuple(sorted(hand))) > 0) == reaches(tuple(map(Fraction, hand)))
