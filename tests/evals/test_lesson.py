"""Cases as lessons: right is what a benchmark would grade as right."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import ConfigError
from orchestrator.evals.case import Case, Reference
from orchestrator.evals.lesson import lesson_of, lessons_of
from orchestrator.evals.sets import open_set
from orchestrator.sandbox import Asserts, Sandbox
from orchestrator.types import Answer, Kind, Message, Problem


def case(kind: Kind, reference: Reference, id: str = "toy/1", prompt: str = "?", **fields: Any) -> Case:
    return Case(Problem(id, (Message("user", prompt),), kind=kind, **fields), reference)


def answer(value: str | None) -> Answer:
    return Answer(value or "", value, value)


@pytest.mark.parametrize(
    ("kind", "fields", "reference", "right", "wrong"),
    [
        ("choice", {"options": ("x", "y")}, "B", "B", "A"),
        ("number", {}, "1200", "1,200", "12000"),
        ("text", {}, "Mount Fuji", "mount fuji", "Mount Etna"),
        ("game24", {"prompt": "1 2 3 4"}, None, "1 * 2 * 3 * 4", "1 + 2 + 3 + 4"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_answers_are_told_right_from_wrong(
    kind: Kind, fields: dict[str, Any], reference: str | None, right: str, wrong: str
) -> None:
    lesson = lesson_of(case(kind, Reference(reference), **fields))
    assert await lesson.right(answer(right))
    assert not await lesson.right(answer(wrong))
    assert not await lesson.right(answer(None))
    assert lesson.answer == reference


async def test_a_program_is_right_by_the_hidden_tests() -> None:
    suite = Asserts(("assert double(3) == 6",))
    async with Sandbox() as box:
        lesson = lesson_of(case("code", Reference(tests=(suite,))), box)
        assert await lesson.right(answer("def double(x):\n    return 2 * x\n"))
        assert not await lesson.right(answer("def double(x):\n    return 6 * x\n"))


def test_nothing_of_the_reference_is_in_the_problem() -> None:
    lesson = lesson_of(case("number", Reference("42", meta={"rationale": "because"})))
    assert "42" not in repr(lesson.problem)
    assert "because" not in repr(lesson.problem)


def test_what_cannot_be_graded_is_left_out_of_many_and_refused_alone() -> None:
    plain = case("text", Reference(), id="open")
    assert [lesson.problem.id for lesson in lessons_of([plain, case("number", Reference("3"))])] == ["toy/1"]
    with pytest.raises(ConfigError, match="open"):
        lesson_of(plain)


@pytest.mark.parametrize("name", ["mini", "game24", "blocksworld", "code", "choice"])
def test_every_built_in_problem_is_a_lesson(name: str) -> None:
    cases = list(open_set(f"{name}:limit=6"))
    assert [lesson.problem for lesson in lessons_of(cases)] == [each.problem for each in cases]


def test_a_mark_stays_the_same_from_one_reading_to_the_next() -> None:
    once, again = ([lesson.mark for lesson in lessons_of(open_set("mini:limit=12"))] for _ in range(2))
    assert once == again
    assert len(set(once)) == 12
