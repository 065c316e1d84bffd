"""Samples in every layout that is read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BenchmarkError
from orchestrator.evals.case import Case, Reference
from orchestrator.evals.samples import Contents, Sample, distinct, read_samples, survey
from orchestrator.recording import Joining
from orchestrator.types import Message, Problem

from .conftest import Write

STUB = 'from typing import List\n\n\ndef twice(x: int) -> int:\n    """Twice x."""\n'


def case(prompt: str = STUB, kind: Any = "code", **meta: str) -> Case:
    problem = Problem("HumanEval/0", (Message("user", prompt),), kind=kind, meta={"entry_point": "twice", **meta})
    return Case(problem, Reference("42", entry_point="twice"))


def generation(**fields: Any) -> dict[str, Any]:
    key = {"problem_id": "p/1", "expert": "a", "prompt_style": "cot", "sample_index": 0}
    return {**key, "text": "The answer is 4.", "correct": True, **fields}


@pytest.mark.parametrize("name", ["samples.jsonl", "samples.jsonl.gz"])
def test_completions_and_solutions_are_read_plain_or_packed(write: Write, name: str) -> None:
    path = write(
        {"task_id": "HumanEval/0", "completion": "    return 2 * x\n"},
        {"task_id": 7, "solution": "def f(): ...", "completion": None},
        name=name,
    )
    assert [(s.task, s.text, s.form) for s in read_samples(path)] == [
        ("HumanEval/0", "    return 2 * x\n", "completion"),
        ("7", "def f(): ...", "solution"),
    ]


def test_recorded_generations_keep_who_wrote_them_and_what_was_said_of_them(write: Write) -> None:
    note = 'completion of meta.stub, cut at the first of "\\ndef"'
    path = write(generation(), generation(sample_index=3, correct=None, meta={"text_is": note}))
    first, second = read_samples(path)
    assert first == Sample("p/1", "The answer is 4.", "reply", "a/cot", "0", True, where=f"{path}:1")
    assert (second.name, second.recorded, second.joining) == ("3", None, Joining("stub", ("\ndef",)))


def test_lists_of_programs_are_read_from_lines_or_from_an_array(write: Write, tmp_path: Path) -> None:
    rows = [{"question_id": "abc_1", "code_list": ["a", "b"]}, {"question_id": 7, "code_list": []}]
    (tmp_path / "array.json").write_text(f"\n {json.dumps(rows, indent=1)}")
    (tmp_path / "array.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    for path in (write(*rows), tmp_path / "array.json", tmp_path / "array.json.gz"):
        found = [(s.task, s.name, s.text, s.form) for s in read_samples(path)]
        assert found == [("abc_1", "0", "a", "solution"), ("abc_1", "1", "b", "solution")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"task_id": "x", "completion": ""}, 3]', "item 2: expected a JSON object, found a int"),
        ('[{"task_id": "x"', "not JSON: "),
        ("[]", "no sample in it"),
    ],
)
def test_an_array_that_does_not_hold_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "array.json").write_text(text)
    with pytest.raises(BenchmarkError, match=f"array.json: {message}"):
        list(read_samples(tmp_path / "array.json"))


def test_a_folder_of_programs_is_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("HumanEval_10/0.py", "HumanEval_2/10.py", "HumanEval_2/9.py", "HumanEval_2/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [(s.task, s.name, s.text) for s in read_samples(tmp_path)] == [
        ("HumanEval/2", "9", "HumanEval_2/9.py"),
        ("HumanEval/2", "10", "HumanEval_2/10.py"),
        ("HumanEval/10", "0", "HumanEval_10/0.py"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"task_id": "x"}, r":1: a sample has .* this row has task_id"),
        ({}, "this row has nothing"),
        ({"task_id": "x", "completion": 3}, "field 'completion': should be text, not int"),
        ({"question_id": "x", "code_list": ["", None]}, r"field 'code_list\.1': should be text, not NoneType"),
        ({"task_id": ["x"], "solution": ""}, "field 'task_id': should be the id of a problem"),
        (generation(meta={"text_is": 'completion of meta.x, cut at the first of "\\q"'}), "field 'meta.text_is'"),
    ],
)
def test_a_row_that_is_no_sample_is_named_by_its_line(write: Write, row: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        list(read_samples(write(row)))


def test_nothing_to_judge_is_an_error(tmp_path: Path, write: Write) -> None:
    with pytest.raises(BenchmarkError, match="no sample in it"):
        list(read_samples(write()))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchmarkError, match=r"no TASK/NUMBER\.py in this folder"):
        list(read_samples(tmp_path / "empty"))


class TestAnswers:
    async def test_a_completion_continues_the_stub(self) -> None:
        assert await Sample("x", "    return 2 * x\n", "completion").answer(case()) == f"{STUB}    return 2 * x\n"

    async def test_words_are_not_run(self) -> None:
        program = "def twice(x):\n    return 2 * x\n"
        assert await Sample("x", program, "completion").answer(case("Write twice(x).")) == program

    async def test_a_solution_is_a_program_as_it_is(self) -> None:
        assert await Sample("x", "nonsense", "solution").answer(case()) == "nonsense"

    async def test_a_reply_is_read(self) -> None:
        reply = "Sure:\n```python\ndef twice(x):\n    return x + x\n```\n"
        answer = await Sample("x", reply, "reply").answer(case())
        assert answer is not None
        assert answer.endswith("def twice(x):\n    return x + x\n")
        assert await Sample("x", "I cannot.", "reply").answer(case()) is None

    async def test_a_recorded_completion_is_cut_and_put_behind_its_own_prompt(self) -> None:
        recorded = Sample("x", "    return 2 * x\ndef more(): ...", "reply", joining=Joining("short", ("\ndef",)))
        answer = await recorded.answer(case(short="def twice(x):\n"))
        assert answer == "from typing import List\n\n\ndef twice(x):\n    return 2 * x\n"

    async def test_a_prompt_that_the_set_lacks_is_named(self) -> None:
        recorded = Sample("x", "", "reply", joining=Joining("short"), where="file:3")
        with pytest.raises(BenchmarkError, match=r"file:3: the text completes meta\.short, which .*HumanEval/0"):
            await recorded.answer(case())

    async def test_answers_of_other_kinds_are_read_whatever_the_field_is_called(self) -> None:
        asked = case("What is 6 times 7?", "number")
        assert await Sample("x", "So it is 42.", "completion").answer(asked) == "42"

    async def test_what_was_read_before_is_taken_as_it_is(self) -> None:
        assert await Sample("x", None, "answer").answer(case()) is None
        assert await Sample("x", "nonsense", "answer").answer(case()) == "nonsense"


class TestDistinct:
    def test_the_first_of_a_name_counts(self) -> None:
        samples = [Sample("p", text, "reply", "a/cot", "0") for text in ("first", "second")]
        contents = Contents()
        assert [s.text for s in distinct(samples, contents)] == ["first"]
        assert (contents.samples, contents.twice) == (1, {"p": 1})

    def test_others_sources_tasks_and_final_answers_are_others(self) -> None:
        samples = [
            Sample("p", "x", "reply", "a/cot", "0"),
            Sample("p", "x", "reply", "b/cot", "0"),
            Sample("q", "x", "reply", "a/cot", "0"),
            Sample("p", "x", "reply", "a/cot", "0", chosen=True),
        ]
        assert (survey(samples).samples, survey(samples).twice) == (4, {})

    def test_equal_texts_without_names_all_count(self) -> None:
        contents = survey([Sample("p", "x", "solution"), Sample("p", "x", "solution"), Sample("q", "x", "solution")])
        assert (contents.samples, contents.repeated, contents.tasks) == (3, 1, {"p": 2, "q": 1})
