from __future__ import annotations

from typing import Any

import pytest

from orchestrator.evals import grading
from orchestrator.evals.case import Case, Reference
from orchestrator.evals.grading import Grader, grade
from orchestrator.evals.sets import open_set
from orchestrator.sandbox import Asserts, Sandbox
from orchestrator.types import Kind, Message, Problem

from .conftest import Write

STUB = (
    'from typing import List\n\ndef helper(x):\n    return x\n\n\ndef double(x: List[int]) -> int:\n    """Twice."""\n'
)
DOMAIN = """(define (domain lamp) (:requirements :strips) (:predicates (dark) (lit))
  (:action switch :parameters () :precondition (dark) :effect (and (lit) (not (dark)))))"""
INSTANCE = "(define (problem p) (:domain lamp) (:objects) (:init (dark)) (:goal (and (lit))))"


def case(kind: Kind, prompt: str, reference: Reference, **fields: Any) -> Case:
    return Case(Problem("toy/1", (Message("user", prompt),), kind=kind, **fields), reference)


@pytest.mark.parametrize(
    ("kind", "fields", "reference", "right", "wrong"),
    [
        ("choice", {"options": ("x", "y")}, "B", "B", "A"),
        ("number", {}, "1200", "1,200", "12000"),
        ("number", {}, "0.5", "1/2", "0.05"),
        ("expression", {}, "\\frac{1}{2}", "0.5", "0.4"),
        ("text", {}, "Mount Fuji", "mount fuji", "Mount Etna"),
        ("json", {}, '{"a": 1, "b": [2]}', '{"b": [2], "a": 1}', '{"a": 1, "b": []}'),
    ],
)
async def test_answers_are_compared_with_the_reference(
    kind: Kind, fields: dict[str, Any], reference: str, right: str, wrong: str
) -> None:
    one = case(kind, "?", Reference(reference), **fields)
    assert await grade(one, right) is True
    assert await grade(one, wrong) is False


@pytest.mark.parametrize("kind", ["choice", "number", "text", "code"])
async def test_without_a_reference_there_is_no_verdict(kind: Kind) -> None:
    fields = {"options": ("x", "y")} if kind == "choice" else {}
    assert await grade(case(kind, "?", Reference(), **fields), "A") is None
    assert await grade(case(kind, "?", Reference(), **fields), None) is None


async def test_no_answer_is_wrong() -> None:
    assert await grade(case("number", "?", Reference("3")), None) is False
    assert await grade(case("game24", "1 2 3 4", Reference()), None) is False


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [("(1 + 2 + 3) * 4", True), ("12 * (3 - 1)", False), ("1 * 2 * 3 * 4 * 1", False), ("1 + 2 + 3 + 4", False)],
)
async def test_puzzles_are_checked_with_the_numbers_on_the_last_line(expression: str, verdict: bool) -> None:
    one = case("game24", "Make 24 of these 4 numbers:\n\n1 2 3 4\n", Reference("24"))
    assert await grade(one, expression) is verdict


async def test_any_valid_plan_is_right() -> None:
    meta = {"pddl_domain": DOMAIN, "pddl_instance": INSTANCE}
    one = case("plan", "Make light.", Reference("(another plan)"), meta=meta)
    assert await grade(one, "(switch)") is True
    assert await grade(one, "(switch)\n(switch)") is False
    assert await grade(one, "") is False


class TestCode:
    CASE = case(
        "code",
        STUB,
        Reference(None, (Asserts(("def check(candidate):\n    assert candidate([2]) == 4\n",), "double"),), "double"),
        meta={"entry_point": "double"},
    )

    @pytest.mark.parametrize(
        ("answer", "verdict"),
        [
            ("def double(x: List[int]) -> int:\n    return helper(2 * x[0])\n", True),
            ("    return 2 * x[0]\n", True),
            ("def double(x):\n    return 3\n", False),
            ("def double(x:\n", False),
            ("def other(x):\n    return 4\n", False),
            ("import sys\nsys.exit(0)\n", False),
        ],
    )
    async def test_hidden_tests_decide(self, answer: str, verdict: bool) -> None:
        assert await grade(self.CASE, answer) is verdict

    async def test_plain_asserts_are_tests_too(self) -> None:
        one = case("code", "Write f.", Reference(None, (Asserts(("assert f(1) == 2", "assert f(5) == 6")),), "f"))
        assert await grade(one, "def f(x): return x + 1") is True
        assert await grade(one, "def f(x): return 2") is False

    async def test_a_program_that_does_not_end_is_wrong_after_the_reference_s_limit(self) -> None:
        one = case("code", "Write f.", Reference(None, (Asserts(("assert f()",)),), "f", {"timeout": 0.5}))
        assert await grade(one, "def f():\n    while True: pass") is False

    async def test_evalplus_tests_run_in_the_sandbox(self, write: Write) -> None:
        row = {
            "task_id": "HumanEval/0",
            "prompt": "def half(x: float) -> float:\n",
            "entry_point": "half",
            "canonical_solution": "    return x / 2\n",
            "base_input": [[3]],
            "plus_input": [[0.3], [-1e300]],
        }
        (one,) = open_set(str(write(row)))
        assert await grade(one, "def half(x): return x * 0.5") is True
        assert await grade(one, "def half(x): return x // 2") is False
        assert await grade(one, "    return 0.5 * x") is True


async def test_a_grader_grades_each_answer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    async def counted(_: Case, answer: str | None, box: Sandbox | None) -> bool:
        asked.append(answer)
        return answer == "3"

    monkeypatch.setattr(grading, "grade", counted)
    grader = Grader(case("number", "?", Reference("3")))
    assert [await grader(answer) for answer in ("3", "4", "3", None, "4", None)] == [True, False, True, *[False] * 3]
    assert asked == ["3", "4", None]
