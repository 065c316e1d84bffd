"""Problems with known answers."""

from __future__ import annotations

import pytest

from orchestrator import Answer, ConfigError, Lesson, Message, Problem
from orchestrator.lessons import mark_of
from orchestrator.types import Kind


def problem(text: str = "What is 2 + 2?", kind: Kind = "number", **more: object) -> Problem:
    return Problem("p", (Message("user", text),), kind, **more)  # type: ignore[arg-type]


def answer(value: str | None) -> Answer:
    return Answer(f"I say {value}", value, value)


@pytest.mark.parametrize(
    ("lesson", "said", "right"),
    [
        (Lesson(problem(), "4"), "4", True),
        (Lesson(problem(), "4"), "4.0", True),
        (Lesson(problem(), "4"), "5", False),
        (Lesson(problem(), "4"), None, False),
        (Lesson(problem("Which?", "choice", options=("x", "y")), "B"), "B", True),
        (Lesson(problem("Which?", "choice", options=("x", "y")), "B"), "A", False),
        (Lesson(problem("Use 4 6 4 6 to make 24.", "game24")), "(4 * 6) * (6 - 4) / 2", False),
        (Lesson(problem("Use 4 4 6 6 to make 24.", "game24")), "4 * 6 + (6 - 6) * 4", False),
    ],
    ids=range(8),
)
async def test_right_and_wrong(lesson: Lesson, said: str | None, right: bool) -> None:
    assert await lesson.right(answer(said)) is right


async def test_a_puzzle_is_checked_by_its_rules() -> None:
    lesson = Lesson(problem("Use the numbers 1 2 3 4 to make 24.", "game24"))
    assert await lesson.right(answer("1 * 2 * 3 * 4"))


async def test_a_check_of_one_s_own_decides() -> None:
    async def short(value: str) -> bool:
        return len(value) < 5

    lesson = Lesson(problem("Write f.", "code"), check=short)
    assert await lesson.right(answer("x"))
    assert not await lesson.right(answer("a longer one"))


@pytest.mark.parametrize("kind", ["number", "code", "plan", "text"])
def test_what_nothing_tells_right_from_wrong_is_refused(kind: Kind) -> None:
    with pytest.raises(ConfigError, match=f"problem p \\({kind}\\) has nothing to tell a right answer by"):
        Lesson(problem(kind=kind))


class TestMark:
    """What a problem is known by."""

    def test_spacing_case_punctuation_and_id_do_not_matter(self) -> None:
        one = Lesson(problem("What is  2 + 2?"), "4")
        assert one.mark == Lesson(Problem("q", (Message("user", "WHAT is 2+2"),), "number"), "4").mark
        assert len(one.mark) == 16

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("What is 3 + 4?", "What is 3 - 4?"),
            ("What is -5 + 3?", "What is 5 + 3?"),
            ("Solve x^2 + 3x = 1.", "Solve x^2 - 3x = 1."),
            (r"Add $x + \frac{1}{2}$.", r"Add $x - \frac{1}{2}$."),
            ("Is sin(x) + cos(x) even?", "Is sin(x) * cos(x) even?"),
            ("Is a < b?", "Is a > b?"),
        ],
        ids=range(6),
    )
    def test_signs_of_arithmetic_do(self, one: str, other: str) -> None:
        assert mark_of(problem(one)) != mark_of(problem(other))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("3 \u2212 4", "3-4"),
            ("3 \u00d7 4 \u00f7 2", "3*4/2"),
            ("A well-known fact", "a well known fact"),
            ("COVID-19 and a 3-day trip", "covid 19 and a 3 day trip"),
            ("**5** items and *6* more", "5 items and 6 more"),
            ("- 3 apples\n- 4 pears", "3 apples\n4 pears"),
            ("red and/or blue", "red and or blue"),
        ],
        ids=range(7),
    )
    def test_hyphens_lists_and_emphasis_do_not(self, one: str, other: str) -> None:
        assert mark_of(problem(one)) == mark_of(problem(other))

    def test_the_order_of_options_does_not_matter_but_they_do(self) -> None:
        marks = [
            Lesson(problem("Which?", "choice", options=options), "A").mark
            for options in (("Red", "blue"), ("blue", "red"), ("blue", "green"))
        ]
        assert marks[0] == marks[1] != marks[2]

    def test_texts_without_words_differ(self) -> None:
        assert Lesson(problem("??"), "4").mark != Lesson(problem("!!"), "4").mark
