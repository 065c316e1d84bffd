from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import VerifierError
from orchestrator.strategies.verifiers.format import Format
from orchestrator.strategies.verifiers.game24 import Game24
from orchestrator.strategies.verifiers.plan import Plan
from orchestrator.types import Candidate, Estimate, Message, Problem, Verdict

DOMAIN = """(define (domain d)
  (:action stack :parameters (?x ?y) :precondition (holding ?x) :effect (and (on ?x ?y) (not (holding ?x)))))"""
INSTANCE = "(define (problem p) (:objects a b) (:init (holding a)) (:goal (on a b)))"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
NO_RUN: Any = None


def asked(kind: str, prompt: str = "?", **fields: Any) -> Problem:
    return Problem("p", (Message("user", prompt),), kind, **fields)  # type: ignore[arg-type]


def answered(answer: str | None) -> Candidate:
    return Candidate("0", "p", "the whole reply", answer, answer, "e", "s", (0,))


async def verdict(verifier: Any, problem: Problem, answer: str | None) -> Verdict:
    found: Verdict = await verifier(problem, answered(answer), NO_RUN)
    assert 0 <= found.score <= 1
    return found


@pytest.mark.parametrize("verifier", [Format(), Game24(), Plan()])
def test_checking_makes_no_calls(verifier: Any) -> None:
    assert verifier.estimate(asked("text"), 5) == Estimate(0, 0.0, 0, 0)


class TestFormat:
    @pytest.mark.parametrize(
        ("problem", "answer"),
        [
            (asked("choice", options=("x", "y")), "B"),
            (asked("number"), "1,200.5"),
            (asked("expression"), r"\frac{1}{2}"),
            (asked("text"), "Paris"),
            (asked("json", schema=SCHEMA), '{"n": 1}'),
            (asked("json"), "[1]"),
            (asked("code"), "x = f(1)\n"),
            (asked("plan", meta={"pddl_domain": DOMAIN, "pddl_instance": INSTANCE}), "(stack a b)"),
            (asked("game24"), "(1+2)*8"),
        ],
    )
    async def test_the_right_form_is_neither_passed_nor_failed(self, problem: Problem, answer: str) -> None:
        assert await verdict(Format(), problem, answer) == Verdict(1.0, None, "", "format")

    @pytest.mark.parametrize(
        ("problem", "answer", "says"),
        [
            (asked("choice", options=("x", "y")), "C", "no letter of an option"),
            (asked("choice", options=("x", "y")), None, "no letter of an option"),
            (asked("number"), "many", "no number"),
            (asked("json"), "{", "no JSON value"),
            (asked("json", schema=SCHEMA), '{"n": "1"}', "$.n: '1' is not of type 'integer'"),
            (asked("json", schema=SCHEMA), "{}", "'n' is a required property"),
            (asked("code"), "def f(:", "no program that compiles"),
            (asked("game24"), "no way", "no expression"),
            (asked("plan", meta={"pddl_domain": DOMAIN, "pddl_instance": INSTANCE}), "fly away", "no plan"),
        ],
    )
    async def test_the_wrong_form_fails(self, problem: Problem, answer: str | None, says: str) -> None:
        found = await verdict(Format(), problem, answer)
        assert (found.score, found.passed, found.verifier) == (0.0, False, "format")
        assert says in found.reason


class TestGame24:
    @pytest.mark.parametrize(
        ("answer", "passed"), [("8/(3-8/3)", True), ("8*3", False), ("3+8+8+3", False), (None, False)]
    )
    async def test_the_rules_of_the_game(self, answer: str | None, passed: bool) -> None:
        found = await verdict(Game24(), asked("game24", "Use these numbers:\n3 3 8 8"), answer)
        assert (found.passed, found.score, found.verifier) == (passed, float(passed), "game24")

    async def test_the_reason_names_the_numbers(self) -> None:
        found = await verdict(Game24(), asked("game24", "3 3 8 8"), "8*3")
        assert found.reason == "8*3 does not make 24 of 3 3 8 8"


class TestPlan:
    problem = asked("plan", meta={"pddl_domain": DOMAIN, "pddl_instance": INSTANCE})

    async def test_a_plan_that_reaches_the_goal_passes(self) -> None:
        assert await verdict(Plan(), self.problem, "(stack a b)") == Verdict(1.0, True, "", "plan")

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            ("(stack b a)", "step 1 (stack b a): (holding b) does not hold"),
            ("(stack a a)", "(on a b) missing"),
            (None, "no plan"),
        ],
    )
    async def test_any_other_fails_with_the_reason(self, answer: str | None, says: str) -> None:
        found = await verdict(Plan(), self.problem, answer)
        assert (found.score, found.passed) == (0.0, False)
        assert says in found.reason

    @pytest.mark.parametrize("meta", [{}, {"pddl_domain": DOMAIN}, {"pddl_instance": INSTANCE}])
    async def test_without_its_pddl_the_check_itself_fails(self, meta: dict[str, Any]) -> None:
        with pytest.raises(VerifierError, match=r"problem p has no meta\.pddl_"):
            await verdict(Plan(), asked("plan", meta=meta), "(stack a b)")
