from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import zlib
from typing import Any

import pytest

from orchestrator.errors import BenchmarkError, ConfigError, UnknownName
from orchestrator.evals import private_tests
from orchestrator.evals.case import Case
from orchestrator.evals.grading import executed, grade
from orchestrator.evals.sets import open_set
from orchestrator.sandbox import Call, Calls, Sandbox, Stdio, Stream, Suite
from orchestrator.types import Example

from .conftest import Write


def listed(*pairs: tuple[str, str], kind: str = "stdin") -> str:
    return json.dumps([{"input": given, "output": printed, "testtype": kind} for given, printed in pairs])


def packed(value: object) -> str:
    """As the benchmark's authors pack private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


STDIN: dict[str, Any] = {
    "question_title": "Sum",
    "question_content": "Read two numbers and print their sum.\n\nInput\n\n1 2\n\nOutput\n\n3\n",
    "platform": "atcoder",
    "question_id": "abc900_a",
    "contest_id": "abc900",
    "contest_date": "2024-08-10T00:00:00",
    "starter_code": "",
    "difficulty": "easy",
    "public_test_cases": listed(("1 2\n", "3\n")),
    "private_test_cases": listed(("10 20\n", "30\n"), ("-1 1\n", "0\n")),
    "metadata": "{}",
}
FUNCTION: dict[str, Any] = {
    **STDIN,
    "platform": "leetcode",
    "question_id": "9001",
    "contest_date": "2024-09-01T00:00:00",
    "difficulty": "medium",
    "starter_code": "class Solution:\n    def pairs(self, xs: List[int], k: int) -> List[List[int]]:\n        ",
    "public_test_cases": listed(("[1, 2]\n3", "[[1, 3], [2, 3]]"), kind="functional"),
    "private_test_cases": listed(("[]\n1", "[]"), ("[5]\n6", "[[5, 6]]"), kind="functional"),
    "metadata": '{"func_name": "pairs"}',
}
ADDS = "a, b = map(int, input().split())\nprint(a + b)\n"
PAIRS = """class Solution:
    def pairs(self, xs: List[int], k: int) -> List[List[int]]:
        return [[x, k] for x in xs]
"""


def only(write: Write, row: dict[str, Any], options: str = "") -> Case:
    (case,) = open_set(f"{write(row)}{options}")
    return case


def opened(case: Case, box: Sandbox) -> Any:
    assert not isinstance(case.reference.tests, tuple)
    return case.reference.tests.opened(box)


def test_the_statement_and_the_form_of_the_program_are_asked(write: Write) -> None:
    problem = only(write, STDIN).problem
    assert problem.id == "livecodebench/abc900_a"
    assert problem.kind == "code"
    assert problem.prompt.startswith("Read two numbers and print their sum.")
    assert "standard input" in problem.prompt
    assert problem.question == problem.prompt


def test_a_function_s_starter_code_is_to_be_completed(write: Write) -> None:
    prompt = only(write, FUNCTION).problem.prompt
    assert prompt.endswith(f"```python\n{FUNCTION['starter_code']}\n```")
    assert "standard input" not in prompt


def test_public_tests_are_examples_that_the_statement_tells(write: Write) -> None:
    assert only(write, STDIN).problem.examples == (Example("1 2\n", "3\n", None, told=True),)
    assert only(write, FUNCTION).problem.examples == (Example("[1, 2]\n3", "[[1, 3], [2, 3]]", "pairs", told=True),)


def test_private_tests_and_where_a_problem_is_from_stay_with_the_grader(write: Write) -> None:
    case = only(write, STDIN)
    assert "10 20" not in repr(case.problem)
    assert "abc900" not in repr(case.problem.meta)
    assert (case.category, case.subject) == ("atcoder", "easy")
    assert case.reference.meta["contest_date"] == "2024-08-10T00:00:00"
    assert case.gradable


async def test_public_and_private_tests_are_runs_of_a_whole_program(write: Write, box: Sandbox) -> None:
    (suite,) = await opened(only(write, STDIN), box)
    assert suite == Stdio((Stream("1 2\n", "3\n"), Stream("10 20\n", "30\n"), Stream("-1 1\n", "0\n")), "lcb")


async def test_or_calls_of_a_function_with_a_json_value_a_line(write: Write, box: Sandbox) -> None:
    (suite,) = await opened(only(write, FUNCTION, ":compare=lcb+tol"), box)
    assert isinstance(suite, Calls)
    assert (suite.entry, suite.compare) == ("pairs", "lcb+tol")
    assert suite.cases == (Call(([1, 2], 3), [[1, 3], [2, 3]]), Call(([], 1), []), Call(([5], 6), [[5, 6]]))


@pytest.mark.parametrize("whole", [True, False], ids=["text", "list"])
async def test_packed_private_tests_are_unpacked_in_the_sandbox(
    write: Write, box: Sandbox, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    pairs = [(f"{i} {'9' * 50}\n", "é\n") for i in range(40)]
    text = listed(*pairs)
    monkeypatch.setattr(private_tests, "_PART", 300)  # what goes into the sandbox at once
    monkeypatch.setattr(private_tests, "LARGEST", 30_000)
    case = only(write, {**STDIN, "private_test_cases": packed(text if whole else json.loads(text))})
    suites: tuple[Suite, ...] = await opened(case, box)
    assert len(suites) > 5
    assert all(isinstance(suite, Stdio) for suite in suites)
    found = [(s.input, s.output) for suite in suites if isinstance(suite, Stdio) for s in suite.cases]
    assert found == [("1 2\n", "3\n"), *pairs]


async def test_what_is_unpacked_comes_in_parts(write: Write, box: Sandbox) -> None:
    pairs = [("7" * 9_000_000, "1\n"), ("8" * 3_000_000, "2\n"), ("9", "3\n")]
    suites: tuple[Suite, ...] = await opened(only(write, {**STDIN, "private_test_cases": packed(listed(*pairs))}), box)
    assert [len(suite.cases) for suite in suites if isinstance(suite, Stdio)] == [1, 1, 2]
    assert [(s.input, s.output) for suite in suites if isinstance(suite, Stdio) for s in suite.cases][1:] == pairs


async def test_private_tests_are_read_when_needed_and_only_the_last_are_kept(
    write: Write, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_tests, "_KEPT", private_tests._Kept(2500))
    rows = [
        {**STDIN, "question_id": f"p{i}", "private_test_cases": packed(listed((f"{i}" * 999, "é"))), "x": "é"}
        for i in range(4)
    ]
    cases = list(open_set(str(write(*rows))))
    assert "1111" not in repr(vars(cases[1].reference.tests))
    first = [await opened(case, box) for case in cases]
    assert [suites[0].cases[1].input for suites in first] == [f"{i}" * 999 for i in range(4)]
    again = [await opened(case, box) for case in reversed(cases)]
    assert again == first[::-1]
    assert [new is old for new, old in zip(again, reversed(first), strict=True)] == [True, True, False, False]


async def test_all_who_want_the_tests_at_once_wait_for_one_look(write: Write, box: Sandbox) -> None:
    case = only(write, {**STDIN, "private_test_cases": packed(listed(("4 5", "9")))})
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(opened(case, box)) for _ in range(5)]
    assert len({id(task.result()) for task in tasks}) == 1


async def test_a_packed_file_s_tests_stay_in_memory(write: Write, box: Sandbox) -> None:
    path = write(STDIN, {**STDIN, "question_id": "b", "private_test_cases": listed(("4 5", "9"))}, name="set.jsonl.gz")
    _, case = open_set(str(path))
    path.unlink()
    (suite,) = await opened(case, box)
    assert suite.cases[1:] == (Stream("4 5", "9"),)


async def test_a_file_that_changed_meanwhile_is_noticed(write: Write, box: Sandbox) -> None:
    path = write(STDIN)
    (case,) = open_set(str(path))
    path.write_text(json.dumps({**STDIN, "private_test_cases": "[]"}) + "\n")
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:1: the file is not what it was"):
        await grade(case, ADDS, box)
    path.unlink()
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:1: cannot be read once more: No such file"):
        await grade(case, ADDS, box)


class Evil:
    """A pickle that would run a command where it is loaded."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (self.mark,)


async def test_a_pickle_that_is_a_program_is_refused_where_it_could_do_no_harm(
    write: Write, box: Sandbox, tmp_path: Any
) -> None:
    mark = tmp_path / "mark"
    case = only(write, {**STDIN, "private_test_cases": packed(Evil(str(mark)))})
    with pytest.raises(
        BenchmarkError, match=r"set\.jsonl:1: field 'private_test_cases': it cannot be unpacked: .*mkdir"
    ):
        await grade(case, ADDS, box)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("packing", "says"),
    [
        ("%%%", "cannot be unpacked"),
        (base64.b64encode(b"no zlib").decode(), "cannot be unpacked"),
        (base64.b64encode(zlib.compress(pickle.dumps("[]"))[:-4]).decode(), "broken off"),
        (packed("no json"), "not JSON"),
        (packed('[{"input": "1"}]'), r"private_test_cases\.0\.output"),
        (packed(listed(("1", "2"), kind="functional")), "metadata has no func_name"),
    ],
    ids=["base64", "zlib", "broken", "json", "fields", "kind"],
)
async def test_private_tests_that_cannot_be_read_name_the_line(
    write: Write, box: Sandbox, packing: str, says: str
) -> None:
    case = only(write, {**STDIN, "private_test_cases": packing})
    with pytest.raises(BenchmarkError, match=rf"set\.jsonl:1: .*{says}"):
        await grade(case, ADDS, box)


async def test_arguments_that_are_no_json_name_the_line(write: Write, box: Sandbox) -> None:
    row = {**FUNCTION, "private_test_cases": listed(("[1", "2"), kind="functional")}
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:1: .*a test of a function is no JSON"):
        await grade(only(write, row), PAIRS, box)


@pytest.mark.parametrize(
    ("row", "program", "right"),
    [
        (STDIN, ADDS, True),
        (STDIN, "print(3)\n", False),
        (
            STDIN,
            f"def main():\n    {ADDS.replace(chr(10), chr(10) + '    ')}\nif __name__ == '__main__':\n    main()\n",
            True,
        ),
        (STDIN, "print(sum(map(int, sys.stdin.read().split())))", True),
        (STDIN, "from __future__ import annotations\nprint(reduce(add, map(int, stdin.read().split())))", True),
        (STDIN, f"{ADDS}raise SystemExit(1)", False),
        (STDIN, "def f(:", False),
        (FUNCTION, PAIRS, True),
        (FUNCTION, PAIRS.replace("[x, k]", "(x, k)"), False),
        (FUNCTION, PAIRS.replace("[[x, k] for x in xs]", "tuple([x, k] for x in xs)"), True),
        (FUNCTION, "def pairs(xs, k):\n    return [[x, k] for x in xs]\n", True),
        (FUNCTION, "class Solution:\n    def other(self, xs, k):\n        return []\n", False),
    ],
    ids=range(12),
)
async def test_programs_are_graded(write: Write, box: Sandbox, row: dict[str, Any], program: str, right: bool) -> None:
    assert await grade(only(write, row), program, box) is right


async def test_floats_are_forgiven_when_asked(write: Write, box: Sandbox) -> None:
    row = {**STDIN, "private_test_cases": listed(("0 1\n", "0.3333333\n")), "public_test_cases": "[]"}
    assert await grade(only(write, row), "print(0.33333331)", box) is False
    assert await grade(only(write, row, ":compare=lcb+tol"), "print(0.33333331)", box) is True


async def test_every_test_counts(write: Write, box: Sandbox) -> None:
    found = await executed(only(write, STDIN), "a, b = map(int, input().split())\nprint(abs(a + b) or 1)", box)
    assert (found.verdict, found.passed, found.total, found.first_failed) == ("failed", 2, 3, 2)


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("start_date=2024-08-11", ["9001"]),
        ("start_date=2024-08-10,end_date=2024-08-31", ["abc900_a"]),
        ("end_date=2024-09-01", ["abc900_a", "9001"]),
        ("platform=leetcode", ["9001"]),
        ("platform=LeetCode|atcoder", ["abc900_a", "9001"]),
        ("difficulty=easy", ["abc900_a"]),
        ("category=leetcode,subject=medium", ["9001"]),
    ],
)
def test_problems_are_chosen_by_day_platform_and_difficulty(write: Write, options: str, ids: list[str]) -> None:
    cases = open_set(f"{write(STDIN, FUNCTION)}:{options}")
    assert [case.problem.id.rpartition("/")[2] for case in cases] == ids


def test_that_nothing_is_left_is_said(write: Write) -> None:
    with pytest.raises(BenchmarkError, match="no problem of the set is left"):
        list(open_set(f"{write(STDIN, FUNCTION)}:difficulty=hard"))


@pytest.mark.parametrize(
    ("option", "error", "says"),
    [
        ("start_date=August", ConfigError, "write a day as 2024-08-01"),
        ("platform=leetcod", UnknownName, "did you mean 'leetcode'"),
        ("difficulty=esay", UnknownName, "did you mean 'easy'"),
        ("compare=exact", UnknownName, "value of compare"),
        ("plus=false", ConfigError, "plus"),
    ],
)
def test_options_must_fit(write: Write, option: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        open_set(f"{write(STDIN)}:{option}")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"public_test_cases": "no"}, "field 'public_test_cases': not JSON"),
        ({"public_test_cases": '[{"input": 1, "output": "2"}]'}, r"field 'public_test_cases\.0\.input'"),
        ({"private_test_cases": {"a": 1}}, "field 'private_test_cases': a dict is no list"),
        ({"metadata": "{"}, "field 'metadata': not JSON"),
        ({"metadata": '{"func_name": "f()"}'}, r"field 'metadata': func_name 'f\(\)' is no name"),
        ({"question_content": ""}, "field 'question_content'"),
    ],
)
def test_a_row_that_does_not_fit_names_the_field(write: Write, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(BenchmarkError, match=rf"set\.jsonl:1: {says}"):
        only(write, {**STDIN, **fields})


def test_a_day_is_needed_to_choose_by_it(write: Write) -> None:
    row = {key: value for key, value in STDIN.items() if key != "contest_date"}
    assert only(write, row).gradable
    with pytest.raises(BenchmarkError, match="field 'contest_date': None is no date"):
        only(write, row, ":start_date=2024-01-01")


def test_a_problem_without_tests_is_not_gradable(write: Write) -> None:
    case = only(write, {**STDIN, "public_test_cases": "[]", "private_test_cases": ""})
    assert case.problem.examples == ()
    assert not case.gradable
