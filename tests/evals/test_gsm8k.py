from __future__ import annotations

import pytest

from orchestrator.errors import BenchmarkError
from orchestrator.evals.sets import open_set

from .conftest import Write

ROWS = (
    {"question": "Tom has 2 boxes of 600 nails. How many nails?", "answer": "2 * 600 = <<2*600=1200>>1200\n#### 1,200"},
    {"question": "It was 3 degrees and fell by 5. How warm is it?", "answer": "3 - 5 = -2\n####  -2 "},
)


def test_the_number_behind_the_mark_is_the_reference(write: Write) -> None:
    cases = list(open_set(str(write(*ROWS))))
    assert [case.reference.answer for case in cases] == ["1200", "-2"]
    assert [case.problem.id for case in cases] == ["gsm8k/0", "gsm8k/1"]
    assert {case.problem.kind for case in cases} == {"number"}


def test_the_worked_solution_stays_with_the_grader(write: Write) -> None:
    case = next(iter(open_set(str(write(*ROWS)))))
    assert "1200" not in repr(case.problem)
    assert case.reference.meta["rationale"] == "2 * 600 = <<2*600=1200>>1200"


def test_an_answer_without_the_mark_names_its_line(write: Write) -> None:
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:2: field 'answer': it does not end in '#### NUMBER'"):
        list(open_set(str(write(ROWS[0], {"question": "How many?", "answer": "three"}))))


def test_questions_alone_can_be_read_when_the_format_is_forced(write: Write) -> None:
    cases = open_set(f"{write({'question': 'How many?'})}:format=gsm8k")
    assert [case.reference.answer for case in cases] == [None]
    assert not cases.gradable
