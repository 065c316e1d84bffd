from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.answers import plan, strips
from orchestrator.types import Message, Problem

DOMAIN = """
(define (domain blocks) (:requirements :strips)  ; four actions
  (:action pick-up :parameters (?x) :precondition (and (clear ?x) (ontable ?x) (handempty))
   :effect (and (holding ?x) (not (clear ?x)) (not (ontable ?x)) (not (handempty))))
  (:action put-down :parameters (?x) :precondition (holding ?x)
   :effect (and (ontable ?x) (clear ?x) (handempty) (not (holding ?x))))
  (:action stack :parameters (?x ?y) :precondition (and (holding ?x) (clear ?y))
   :effect (and (on ?x ?y) (clear ?x) (handempty) (not (holding ?x)) (not (clear ?y))))
  (:action unstack :parameters (?x ?y) :precondition (and (on ?x ?y) (clear ?x) (handempty))
   :effect (and (holding ?x) (clear ?y) (not (on ?x ?y)) (not (clear ?x)) (not (handempty)))))
"""
INSTANCE = """
(define (problem two) (:domain blocks) (:objects a b c)
  (:init (on b a) (ontable a) (ontable c) (clear b) (clear c) (handempty))
  (:goal (and (on a b))))
"""
MYSTERY = (
    DOMAIN.replace("pick-up", "attack")
    .replace("put-down", "succumb")
    .replace("unstack", "feast")
    .replace("action stack", "action overcome")
)
SOLUTION = "(unstack b a)\n(put-down b)\n(pick-up a)\n(stack a b)"


def asked(domain: str = DOMAIN) -> Problem:
    meta: dict[str, Any] = {"pddl_domain": domain, "pddl_instance": INSTANCE} if domain else {}
    return Problem("p", (Message("user", "?"),), "plan", meta=meta)


def actions(text: str, domain: str = DOMAIN) -> str | None:
    found = plan.read(asked(domain), text)
    return found.value.replace("\n", " ") if found else None


PROSE = """Here is the plan:

1. Unstack the blue block from on top of the red block.
2. Put down the blue block on the table.
3. **Pick up the red block**
4. Stack the red block on top of the blue block (both are clear).

This moves the blue block first. Put down whatever you hold."""


@pytest.mark.parametrize(
    "text",
    [
        SOLUTION,
        PROSE,
        "[PLAN]\n" + PROSE + "\n[PLAN END]\n[STATEMENT]\nstack a on c\n[PLAN]\npick up c\n[PLAN END]",
        "First I think.\n\n**Plan:**\n- unstack blue from red\n- putdown(b)\n- Pickup(a)\n- Stack(a, b)",
        "Step 1: Unstack(b, a)\nStep 2: Putdown(b)\nStep 3: then pick-up a\nStep 4: stack a b",
        "1. pick up the orange block\n\nNo, that is of no use. Again:\n\n" + PROSE,
        PROSE.replace("3. **Pick", "3) **Pick").upper(),
        "```\n" + SOLUTION + "\n```",
    ],
)
def test_plans_in_every_form(text: str) -> None:
    assert actions(text) == SOLUTION.replace("\n", " ")


def test_the_names_of_the_domain_are_what_counts() -> None:
    text = "1. Feast object b from object a\n2. Succumb object b\n3. **Attack a**\n4. Overcome object _a_ from object b"
    assert actions(text, MYSTERY) == "(feast b a) (succumb b) (attack a) (overcome a b)"
    assert actions(text) is None


def test_an_article_is_no_block() -> None:
    assert actions("pick up a red block") == "(pick-up a)"
    assert actions("pick up a block") is None


def test_a_step_without_its_objects_is_left_out() -> None:
    assert actions("1. Unstack orange block\n2. Pick up the orange block") == "(pick-up c)"


@pytest.mark.parametrize("text", ["", "no plan is possible", "I would pick up nothing."])
def test_no_plan_abstains(text: str) -> None:
    assert actions(text) is None


def test_without_a_domain_only_pddl_is_read() -> None:
    assert actions("so:\n(fly p1 x y)\n(land p1)", "") == "(fly p1 x y) (land p1)"
    assert actions("1. Fly the plane", "") is None


class TestStepsThatChangeNothing:
    ROUND = "(pick-up c)\n(put-down c)\n"

    def keys(self, *plans: str) -> list[str]:
        found = [plan.read(asked(), text) for text in plans]
        return [reading.key for reading in found if reading is not None]

    def test_they_make_no_other_answer_and_stay_in_the_one_shown(self) -> None:
        longer = f"{self.ROUND}(unstack b a)\n(stack b a)\n{SOLUTION}"
        one, other = self.keys(SOLUTION, longer)
        assert one == other
        assert actions(longer) == longer.replace("\n", " ")
        assert plan.same(asked(), SOLUTION, longer)

    def test_other_steps_in_another_order_are_another_answer(self) -> None:
        moved = SOLUTION.replace("(put-down b)", "(stack b c)")
        assert len(set(self.keys(SOLUTION, moved, self.ROUND + moved))) == 2
        assert not plan.same(asked(), SOLUTION, moved)

    def test_a_plan_that_cannot_be_carried_out_is_taken_as_it_stands(self) -> None:
        broken = "(stack a b)\n" + SOLUTION
        assert len(set(self.keys(broken, self.ROUND + broken, SOLUTION))) == 3

    def test_a_plan_of_nothing_else_is_still_a_plan(self) -> None:
        assert self.keys(self.ROUND) == ["(pick-up c) (put-down c)"]

    def test_a_longer_way_back_is_left_out_whole(self) -> None:
        way = "(unstack b a)\n(stack b c)\n(unstack b c)\n(stack b a)\n"
        assert len(set(self.keys(SOLUTION, way + SOLUTION))) == 1

    def test_very_long_plans_are_compared_step_by_step(self) -> None:
        assert len(set(self.keys(SOLUTION, self.ROUND * 200 + SOLUTION))) == 2


class TestChecker:
    def test_a_plan_that_reaches_the_goal(self) -> None:
        assert strips.validate(DOMAIN, INSTANCE, SOLUTION) == strips.PlanCheck(True)

    @pytest.mark.parametrize(
        ("text", "step", "reason"),
        [
            ("(pick-up a)", 1, "step 1 (pick-up a): (clear a) does not hold"),
            ("(unstack b a)\n(stack b b)", 2, "step 2 (stack b b): (clear b) does not hold"),
            ("(unstack b a)\n(fly b)", 2, "step 2 (fly b): there is no such action"),
            ("(pick-up b c)", 1, "step 1 (pick-up b c): it takes 1 objects"),
            ("(pick-up z)", 1, "step 1 (pick-up z): there is no object z"),
            ("", None, "the goal does not hold: (on a b) missing"),
            ("()", 1, "step 1 (): there is no such action"),
        ],
    )
    def test_what_is_wrong_with_a_plan(self, text: str, step: int | None, reason: str) -> None:
        assert strips.validate(DOMAIN, INSTANCE, text) == strips.PlanCheck(False, reason, step)

    def test_an_empty_plan_is_valid_where_the_goal_holds_already(self) -> None:
        assert strips.validate(DOMAIN, INSTANCE.replace("(:goal (and (on a b)))", "(:goal (on b a))"), "").valid

    @pytest.mark.parametrize(
        ("domain", "instance"),
        [
            ("", INSTANCE),
            ("(define (domain d))", INSTANCE),
            (DOMAIN + ")", INSTANCE),
            (DOMAIN[:-3], INSTANCE),
            (DOMAIN, "(define (problem p))"),
            (DOMAIN.replace("(holding ?x)\n", "(or (a) (b))\n"), INSTANCE),
            ("(undefined)", INSTANCE),
        ],
    )
    def test_what_cannot_be_read_is_said(self, domain: str, instance: str) -> None:
        with pytest.raises(strips.PddlError):
            strips.validate(domain, instance, "")


@pytest.mark.parametrize("name", ["blocksworld", "mystery_blocksworld"])
def test_agreement_with_recorded_verdicts(recorded: Callable[..., Any], shared: Path, name: str) -> None:
    domain = (shared / "replay" / f"{name}.domain.pddl").read_text(encoding="utf-8")
    checked = read = total = valid = 0
    for row, generation in recorded(name, 4):
        instance = row["meta"]["pddl_instance"]
        problem = Problem(
            row["id"], (Message("user", "?"),), "plan", meta={"pddl_domain": domain, "pddl_instance": instance}
        )
        total += 1
        right = bool(generation["correct"])
        checked += strips.validate(domain, instance, generation["extracted_answer"] or "").valid == right
        found = plan.read(problem, generation["text"])
        passes = found is not None and strips.validate(domain, instance, found.value).valid
        valid += passes - right
        read += passes == right
    assert checked >= total - 1
    assert read / total > 0.97
    assert valid >= 0  # where they differ, more plans are found than the source found
