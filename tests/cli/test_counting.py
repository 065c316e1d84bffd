"""One thing has no s."""

from __future__ import annotations

import pytest

from orchestrator.cli.counting import counted
from orchestrator.cli.plain import line_of
from orchestrator.cli.standing import short
from tests.cli.standings import row, standing


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 replies"), (1, "1 reply"), (2, "2 replies"), ("?", "? replies")], ids=str
)
def test_a_word_follows_its_number(number: object, words: str) -> None:
    assert counted(number, "reply", "replies") == words


@pytest.mark.parametrize(
    ("number", "words"), [(1, "1 call"), (1.2, "1 call"), (1000, "1k calls"), (0, "0 calls")], ids=str
)
def test_it_follows_the_number_as_it_is_written(number: float, words: str) -> None:
    assert counted(number, "call", write=short) == words


def test_a_single_error_and_a_single_call_are_told_as_such() -> None:
    line = line_of(standing(rows=(row(errors=1),), calls=1, tokens=1))
    assert "; 1 error; 1 call, 1 token" in line
