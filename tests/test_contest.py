"""What solves a problem where the user leaves it open."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.contest import default_strategy
from orchestrator.registry import checker_of
from orchestrator.types import Example, Kind, Message, Problem


def asked(kind: Kind, **fields: Any) -> Problem:
    return Problem("p", (Message("user", "?"),), kind, **fields)


@pytest.mark.parametrize(
    ("problem", "checker"),
    [
        (asked("code"), None),
        (asked("code", public_tests=("assert f(1)",)), "unit_tests"),
        (asked("code", examples=(Example("1", "2"),)), "unit_tests"),
        (asked("plan"), None),
        (asked("plan", meta={"pddl_instance": "(i)"}), "plan"),
        (asked("game24"), "game24"),
        (asked("number"), None),
    ],
    ids=range(7),
)
def test_what_can_be_checked_is(problem: Problem, checker: str | None) -> None:
    assert checker_of(problem) == checker
    strategy, reason = default_strategy(problem)
    assert (strategy == "best_of_n") is (checker is not None)
    assert checker is None or checker in reason


def test_free_text_is_neither_checked_nor_put_to_the_vote() -> None:
    assert default_strategy(asked("text"))[0] == "cot"
    assert default_strategy(asked("text"), "judge")[0] == "best_of_n"
    assert default_strategy(asked("game24"), "none")[0] == "self_consistency"
