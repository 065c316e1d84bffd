"""States of a search, and what opinions of them are worth."""

from __future__ import annotations

from fractions import Fraction

import pytest

from orchestrator.strategies._thoughts import VALUES, Hands, State, Texts, choice_in, label_in, without_doubles
from orchestrator.types import Completion

# -- opinions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("The best choice is 12", 11),
        ("So the best choice is **3**.", 2),
        ("The best one is candidate 2", 1),
        ("best choice is: Candidate #4!", 3),
        ("The best choice is 1, as 2 is wrong.", 0),
        ("The best choice is 2. No: the best choice is 5.", 4),
        ("7", 6),
        ("Candidate 3.", 2),
        ("The best choice is 13", None),
        ("The best choice is 0", None),
        ("The best choice is 1.5", None),
        ("Of the 12 candidates none is good.", None),
        ("", None),
    ],
)
def test_a_vote_names_one_of_the_candidates(text: str, chosen: int | None) -> None:
    assert choice_in(text, 12) == chosen


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("sure", "sure"),
        ("Sure.", "sure"),
        ("4 * 6 = 24\n**Likely**", "likely"),
        ("It looked impossible at first.\nsure", "sure"),
        ("Verdict: IMPOSSIBLE!", "impossible"),
        ("I am not sure", None),
        ("That isn't likely", None),
        ("This isn\u2019t sure", None),
        ("unlikely", None),
        ("24", None),
        ("", None),
    ],
)
def test_labels_are_read_however_they_are_written(text: str, label: str | None) -> None:
    assert label_in(text) == (None if label is None else VALUES[label])


# -- states ---------------------------------------------------------------------------------


def hand(*numbers: int) -> State:
    return State(hand=tuple(Fraction(n) for n in numbers))


def proposed(state: State, text: str) -> list[str]:
    space = Hands(state.hand)
    return [grown.thoughts[-1] for grown in space.proposed(state, Completion(text))]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("2 * 3 = 6 (left: 4 6)", "2 * 3 = 6 (left: 4 6)"),
        ("1. 2*3=6", "2*3=6 (left: 4 6)"),
        ("- 2 \u00d7 3 = 6 (left: 9 9)", "2 * 3 = 6 (left: 4 6)"),
        ("2 / 4 = 0.5", "2 / 4 = 0.5 (left: 1/2 3)"),
        ("2 / 4 = 1/2 (left: 1/2 3)", "2 / 4 = 1/2 (left: 1/2 3)"),
        ("2 - 4 = -2", "2 - 4 = -2 (left: -2 3)"),
        ("2 * 3 = 7 (left: 4 7)", None),
        ("2 + 2 = 4 (left: 3 4 4)", None),
        ("5 + 3 = 8 (left: 2 8)", None),
        ("2 / 0 = 4", None),
        ("2 * 3 * 4 = 24", None),
        ("Here are the possible next steps:", None),
        ("a + b = c (left: ...)", None),
        ("", None),
    ],
)
def test_steps_that_apply_to_the_numbers_left(line: str, step: str | None) -> None:
    assert proposed(hand(2, 3, 4), line) == ([] if step is None else [step])


def test_a_division_by_zero_leads_nowhere() -> None:
    assert proposed(hand(0, 4, 4), "4 / 0 = 0\n4 - 4 = 0") == ["4 - 4 = 0 (left: 0 0)"]


def test_what_is_left_at_last_settles_itself() -> None:
    space = Hands(hand(2, 3, 4).hand)
    assert [space.settled(hand(*numbers)) for numbers in ([24], [23], [4, 6])] == [20.0, 0.001, None]


def test_blank_lines_and_refusals_are_no_states() -> None:
    text = "\n\nAdd the two.\n   \nI'm sorry, I can't help with that.\n---\nadd the two\nSubtract them.\n"
    grown = Texts().proposed(State(), Completion(text))
    assert [state.thoughts for state in grown] == [("Add the two.",), ("Subtract them.",)]


def test_states_that_come_to_the_same_are_one() -> None:
    space = Hands(hand(2, 2, 3, 4).hand)
    grown = space.proposed(space.root(), Completion("2 + 2 = 4\n2 * 2 = 4\n3 + 4 = 7"))
    assert [state.thoughts[-1] for state in without_doubles(space, grown)] == [
        "2 + 2 = 4 (left: 3 4 4)",
        "3 + 4 = 7 (left: 2 2 7)",
    ]
