"""The simulated experts' library of small programs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from orchestrator.answers import code
from orchestrator.evals.builtin.code import rows
from orchestrator.experts.simulated import family
from orchestrator.experts.simulated.code import FAMILY, Program
from orchestrator.experts.simulated.code_library import library
from orchestrator.types import Message, Problem

ROTATE = 'def f(xs: list[int], by: int) -> list[int]:\n    """Rotate a list to the right by a number of positions."""\n'


def task(text: str) -> Program:
    found = FAMILY.read(text)
    assert found is not None, text
    return found


def drawn(seed: int, number: int) -> Iterator[tuple[dict[str, Any], Program]]:
    for row in islice(rows(seed), number):
        problem = Problem(
            "x", (Message("user", row["question"]),), kind="code", public_tests=tuple(row["public_tests"])
        )
        yield row, task(f"You are careful.\n\n{problem.question}\n\nThink step by step. {problem.format}")


def passes(program: str, tests: str) -> bool:
    names: dict[str, Any] = {}
    try:
        exec(program, names)
        exec(tests, names)
    except Exception:
        return False
    return True


def called(program: str, name: str, *arguments: Any) -> Any:
    names: dict[str, Any] = {}
    exec(program, names)
    return names[name](*arguments)


def test_every_task_of_the_set_is_known_and_solved() -> None:
    for row, found in drawn(301, 60):
        assert found.name == row["entry_point"]
        assert passes(found.solve().answer, row["tests"]), row["question"]
        assert found.right(found.solve().answer)


def test_every_wrong_program_fails_a_hidden_test_and_some_pass_the_public_ones() -> None:
    past_public = total = 0
    for row, found in drawn(302, 30):
        reached = set()
        for seed in range(25):
            worked = found.solve(random.Random(seed))
            if worked.answer in reached:
                continue
            reached.add(worked.answer)
            assert not passes(worked.answer, row["tests"]), worked.answer
            assert not found.right(worked.answer)
            assert found.solve(random.Random(seed)) == worked
            past_public += passes(worked.answer, "\n".join(row["public_tests"]))
            total += 1
        assert len(reached) == len(found.entry.wrong) >= 3
    assert 0.2 < past_public / total < 0.95


def test_every_task_of_the_library_is_in_the_set() -> None:
    reached = {id(found.entry) for _, found in drawn(303, len(library()))}
    assert len(reached) == len(library())


def test_programs_are_read_out_of_a_reply_as_they_are() -> None:
    for row, found in drawn(304, 30):
        problem = Problem(
            "x", (Message("user", row["question"]),), kind="code", meta={"entry_point": row["entry_point"]}
        )
        for slip in (None, random.Random(1)):
            program = found.solve(slip).answer
            reading = code.read(problem, f"So:\n```python\n{program}```")
            assert reading is not None
            assert reading.value == program


@pytest.mark.parametrize(
    ("text", "name", "arguments", "value"),
    [
        (ROTATE, "f", ([1, 2, 3], 1), [3, 1, 2]),
        ("Write a function `zz(a)` that tells whether the brackets in a text are balanced.", "zz", ("([)]",), False),
        ("Please implement mid(values), the median of a list of numbers.", "mid", ([4, 1, 3],), 3),
        ("Find the least common multiple of a list of numbers.\nassert q9([2, 3]) == 6", "q9", ([4, 6],), 12),
        ("def w(t):\n    '''How many words have more than three letters?'''\n    pass", "w", ("one five",), 1),
        ("def w(t):\n    '''How many words have more than 4 letters?'''\n    ...", "w", ("five seven",), 1),
        (
            "Given is\n```python\ndef ys(y: int) -> bool:\n    # is it a leap year?\n```\nFill it in.",
            "ys",
            (1900,),
            False,
        ),
    ],
)
def test_tasks_are_told_by_their_meaning_under_any_name(
    text: str, name: str, arguments: tuple[Any, ...], value: Any
) -> None:
    assert called(task(text).solve().answer, name, *arguments) == value


def test_names_of_functions_alone_tell_nothing() -> None:
    assert FAMILY.read('def rotate_right(items, steps):\n    """Does what the others do."""\n') is None
    renamed = task(ROTATE.replace("def f", "def is_palindrome"))
    assert called(renamed.solve().answer, "is_palindrome", [1, 2], 1) == [2, 1]


def test_the_stub_gives_the_head_and_the_names_of_the_parameters() -> None:
    program = task(ROTATE).solve().answer
    assert program.startswith("def f(xs: list[int], by: int) -> list[int]:\n")
    assert "items" not in program
    clash = task(ROTATE.replace("xs", "cut")).solve().answer
    assert called(clash, "f", [1, 2, 3], 1) == [3, 1, 2]


def test_every_program_stays_right_under_other_parameters() -> None:
    for row, found in drawn(305, 30):
        if not row["question"].startswith("def "):
            continue
        text = row["question"]
        for i, parameter in enumerate(found.parameters):
            head, colon, rest = text.partition("):" if ") ->" not in text else ") ->")
            text = head.replace(f"{parameter}:", f"given_{i}:") + colon + rest
        other = task(text)
        assert other.parameters == tuple(f"given_{i}" for i in range(len(found.parameters)))
        assert passes(other.solve().answer, row["tests"]), other.solve().answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Rotate a list to the right by a number of positions.",
        "def f(x):\n    '''Return the number of days in a month.'''\n",
        "def f(a, b, c):\n    '''Rotate a list to the right by a number of positions.'''\n",
        "def f(text):\n    '''Count the words with many letters.'''\n",
        "def f(xs, by):\n    '''Rotate the list to the right by a number of positions.'''\n    return xs[-by:]\n",
        'def f(xs, by):\n    """Rotate the list to the right by a number of positions,',
        "What is the median of the numbers 3, 1 and 2?",
    ],
)
def test_what_is_no_task_of_the_library_is_not_read(text: str) -> None:
    assert FAMILY.read(text) is None


def test_another_number_in_the_text_changes_the_program() -> None:
    text = "Write `cut(items)`: cut a list into batches of 2 items; the last may be shorter."
    assert called(task(text).solve().answer, "cut", [1, 2, 3]) == [[1, 2], [3]]
    assert called(task(text.replace("2", "3")).solve().answer, "cut", [1, 2, 3]) == [[1, 2, 3]]


def test_the_last_task_counts() -> None:
    other = 'def g(number):\n    """Return the sum of the digits of an integer."""\n'
    assert task(f"{ROTATE}\n\n{other}").name == "g"
    assert task(f"{other}\n\n{ROTATE}").name == "f"


def test_tests_are_true_and_with_a_slip_some_are_not() -> None:
    for row, found in drawn(306, 30):
        assert isinstance(found, family.Testable)
        assert len(found.tests()) >= 5
        assert all(passes(row["answer"], test) for test in found.tests())
        for seed in range(4):
            slipped = found.tests(random.Random(seed))
            assert slipped
            assert slipped != found.tests()


def test_observations_are_many_and_true_and_never_read_as_another_task() -> None:
    for row, found in drawn(307, 40):
        remarks = found.observations()
        assert len(set(remarks)) >= 6
        examples = [remark for remark in remarks if " has to give " in remark]
        assert len(examples) == 3
        for example in examples:
            call, _, value = example.rstrip(".").partition(" has to give ")
            assert passes(row["answer"], f"assert {call} == {value}")
        talk = [row["question"], "", *remarks, *found.solve().steps, *found.solve(random.Random(2)).steps]
        again = FAMILY.read("\n".join(talk))
        assert again is not None
        assert again.entry is found.entry
        assert again.constants == found.constants


def test_numbers_stand_in_all_that_is_said() -> None:
    for _, found in drawn(308, 30):
        said = [*found.observations(), *found.solve().steps, *found.solve(random.Random(0)).steps, found.solve().answer]
        assert not any("$" in text for text in said)


def test_difficulties_and_skills_differ() -> None:
    found = [program for _, program in drawn(309, 30)]
    assert all(0 <= program.difficulty <= 1 for program in found)
    assert len({program.difficulty for program in found}) > 4
    assert {program.skills for program in found} == {
        ("programming", "strings"),
        ("programming", "lists"),
        ("programming", "numbers"),
    }
