from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import BenchmarkError
from orchestrator.evals.case import Case
from orchestrator.evals.sets import open_set
from orchestrator.sandbox import Asserts

from .asserting import asserts_of
from .conftest import Write


def only(write: Write, row: dict[str, Any]) -> Case:
    (case,) = open_set(str(write(row)))
    return case


def test_a_number_problem(write: Write, number_row: Any) -> None:
    case = only(write, number_row(category="math", subject="sums", split="dev", part="fit"))
    assert (case.problem.id, case.problem.kind, case.problem.prompt) == ("toy/1", "number", "What is 1 + 2?")
    assert case.reference.answer == "3"
    assert (case.category, case.subject, case.split, case.part) == ("math", "sums", "dev", "fit")


def test_part_and_split_are_computed_where_the_row_has_none(write: Write, number_row: Any) -> None:
    case = only(write, number_row("gsm8k/3"))
    assert (case.part, case.split) == ("fit", "heldout")


def test_the_split_key_replaces_the_id(write: Write, number_row: Any) -> None:
    case = only(write, number_row("gsm8k/1", meta={"split_key": "gsm8k/3"}))
    assert (case.part, case.split) == ("fit", "heldout")


def test_a_problem_holds_nothing_that_only_the_grader_may_see(write: Write) -> None:
    row = {
        "id": "toy/1",
        "kind": "code",
        "question": "def f():\n",
        "answer": "SECRET-answer",
        "tests": "SECRET-tests",
        "public_tests": ["assert f() == 1"],
        "entry_point": "f",
        "category": "SECRET-category",
        "subject": "SECRET-subject",
        "split": "SECRET-split",
        "part": "SECRET-part",
        "meta": {
            "rationale": "SECRET-rationale",
            "one_shot_query": "SECRET-query",
            "codet_prompt": "seen",
            "answer_format": "seen",
        },
    }
    case = only(write, row)
    assert "SECRET" not in repr(case.problem)
    assert case.problem.meta == {"entry_point": "f", "codet_prompt": "seen", "answer_format": "seen"}
    assert case.problem.public_tests == ("assert f() == 1",)
    assert asserts_of(case) == Asserts(("SECRET-tests",), "f")
    assert case.reference.entry_point == "f"
    assert case.reference.meta == {"rationale": "SECRET-rationale", "one_shot_query": "SECRET-query"}


def test_a_choice_problem_has_options(write: Write) -> None:
    row = {"id": "c", "kind": "choice", "question": "Which?", "options": ["one", "two"], "answer": "B"}
    case = only(write, row)
    assert case.problem.options == ("one", "two")
    assert case.reference.answer == "B"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"options": None}, "'options': a choice problem has from 1 to 26"),
        ({"options": ["x"] * 27}, "'options': a choice problem has from 1 to 26"),
        ({"answer": "C"}, "'answer': 'C' is not the letter of one of 2 options"),
        ({"answer": "b"}, "'answer': 'b' is not the letter"),
        ({"kind": "essay"}, "'kind': Input should be 'choice', 'number'"),
        ({"question": ""}, "'question'"),
        ({"option": ["x"], "options": None}, "'options'"),
    ],
)
def test_a_row_that_does_not_hold_together_is_refused(write: Write, fields: dict[str, Any], message: str) -> None:
    row = {"id": "c", "kind": "choice", "question": "Which?", "options": ["one", "two"], "answer": "B", **fields}
    with pytest.raises(BenchmarkError, match=message):
        only(write, row)


def test_a_misspelt_field_is_refused_with_a_suggestion(write: Write) -> None:
    row = {"id": "c", "kind": "choice", "question": "Which?", "option": ["one", "two"], "answer": "B"}
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:1: unknown field 'option'; did you mean 'options'\?"):
        only(write, row)


def test_other_unknown_fields_are_left_out(write: Write, number_row: Any) -> None:
    case = only(write, number_row(source="SECRET", licence="MIT", reviewed_by="SECRET"))
    assert "SECRET" not in repr(case)


def test_numbers_and_json_may_stand_for_text(write: Write, number_row: Any) -> None:
    assert only(write, number_row(answer=3)).reference.answer == "3"
    assert only(write, {"id": 7, "kind": "text", "question": "?"}).problem.id == "7"
    schema = {"type": "object"}
    case = only(write, {"id": "j", "kind": "json", "question": "?", "schema": schema, "answer": {"a": 1}})
    assert case.problem.schema == schema
    assert case.reference.answer == '{"a": 1}'


def test_a_problem_without_a_reference_can_be_read_but_not_graded(write: Write) -> None:
    path = write({"id": "t", "kind": "text", "question": "Why?"})
    assert not open_set(str(path)).gradable


class TestGame24:
    def test_the_numbers_stand_alone_on_the_last_line(self, write: Write) -> None:
        case = only(write, {"id": "g", "kind": "game24", "question": "2 5 8 11", "answer": "24"})
        assert case.problem.prompt.splitlines()[-1] == "2 5 8 11"
        assert "Make 24" in case.problem.prompt
        assert case.problem.meta == {}

    def test_a_question_in_words_stays(self, write: Write) -> None:
        question = "Reach 24 with these:\n4 4 10 10"
        assert only(write, {"id": "g", "kind": "game24", "question": question}).problem.prompt == question

    def test_numbers_elsewhere_are_refused(self, write: Write) -> None:
        with pytest.raises(BenchmarkError, match="numbers on the last line"):
            only(write, {"id": "g", "kind": "game24", "question": "2 5 8 11\nGood luck!"})


class TestPlans:
    ROW = {  # noqa: RUF012
        "id": "blocks/1",
        "benchmark": "blocks",
        "kind": "plan",
        "question": "Stack them.",
        "answer": "(stack a b)",
        "meta": {"pddl_instance": "(define (problem p))"},
    }

    def test_the_domain_comes_from_the_file_beside_the_set(self, write: Write) -> None:
        path = write(self.ROW, self.ROW | {"id": "blocks/2"}, name="blocks.problems.jsonl.gz")
        path.with_name("blocks.domain.pddl").write_text("(define (domain d))")
        cases = list(open_set(str(path)))
        assert {case.problem.meta["pddl_domain"] for case in cases} == {"(define (domain d))"}
        assert cases[0].problem.meta["pddl_instance"] == "(define (problem p))"

    def test_the_benchmark_s_name_may_stand_in_the_id_alone(self, write: Write) -> None:
        path = write({k: v for k, v in self.ROW.items() if k != "benchmark"})
        path.with_name("blocks.domain.pddl").write_text("(define (domain d))")
        (case,) = open_set(str(path))
        assert case.gradable

    def test_a_domain_in_the_row_needs_no_file(self, write: Write) -> None:
        case = only(write, self.ROW | {"meta": {"pddl_instance": "(i)", "pddl_domain": "(d)"}})
        assert case.problem.meta == {"pddl_instance": "(i)", "pddl_domain": "(d)"}

    def test_a_missing_domain_names_the_file_it_should_be_in(self, write: Write) -> None:
        with pytest.raises(BenchmarkError, match=r"set\.jsonl:1: .*put it in .*blocks\.domain\.pddl"):
            only(write, self.ROW)

    def test_a_benchmark_s_name_cannot_reach_another_folder(self, write: Write) -> None:
        with pytest.raises(BenchmarkError, match="cannot name the file"):
            only(write, self.ROW | {"benchmark": "../secrets"})

    def test_a_missing_instance_is_refused(self, write: Write) -> None:
        with pytest.raises(BenchmarkError, match=r"meta\.pddl_instance"):
            only(write, self.ROW | {"meta": {}})
