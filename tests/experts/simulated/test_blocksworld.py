"""The simulated experts' way with Blocksworld."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from orchestrator.answers import plan, strips
from orchestrator.evals.builtin.blocksworld import rows
from orchestrator.evals.sets import open_set
from orchestrator.experts.simulated.blocks_world import TABLE
from orchestrator.experts.simulated.blocksworld import FAMILY, Blocksworld
from orchestrator.types import Message, Problem

RULES = "Blocks stand on a table. A hand moves them: (stack x y) puts block x on block y. A block is clear or not."


def task(text: str) -> Blocksworld:
    found = FAMILY.read(text)
    assert found is not None, text
    return found


def drawn(seed: int, number: int) -> Iterator[tuple[Problem, Blocksworld]]:
    for row in islice(rows(seed), number):
        assert isinstance(row["meta"], dict)
        problem = Problem("x", (Message("user", str(row["question"])),), kind="plan", meta=row["meta"])
        yield problem, task(f"You plan ahead.\n\n{problem.prompt}\n\nWork step by step. {problem.format}")


def valid(problem: Problem, answer: str) -> bool:
    return strips.validate(str(problem.meta["pddl_domain"]), str(problem.meta["pddl_instance"]), answer).valid


START = {("red", "blue"), ("blue", TABLE), ("green", TABLE)}


@pytest.mark.parametrize(
    "text",
    [
        "Initially the red block is on the blue block, and the blue block and the green block are on the table. "
        "The goal is to have the green block on top of the red block.",
        "Start: red is on blue, which is on the table; green is on the table.\nGoal: green on red. Use the blocks.",
        "Cubes. At first, red sits directly on blue. Blue and green rest on the floor. Lastly green must be on red.",
        "Initial state of blocks:\n- blue on table\n- green on table\n- red on blue\n\nGoal state:\n- green on red\n",
        "Towers at the start, from bottom to top:\nTower 1: blue, red\nTower 2: green\nI want green to be on red.",
        "Stacks in the beginning (top to bottom):\nStack 1: red, blue\nStack 2: green\nWanted: green on top of red.",
        "Build towers so that the green block is on the red block. Currently the blue block is under the red block, "
        "the blue block is on the table and the green block is on the table.",
        "As initial conditions I have that, the red block is clear, the green block is clear, the hand is empty, the "
        "red block is on top of the blue block, the green block is on the table and the blue block is on the table.\n"
        "My goal is to have that the green block is on top of the red block.",
    ],
)
def test_the_same_blocks_are_read_out_of_many_wordings(text: str) -> None:
    blocks = task(f"{RULES}\n\n{text}\n\nThink of each block on the way.").blocks
    assert set(blocks.start) == START
    assert blocks.goal == (("green", "red"),)


def test_a_block_called_a_is_not_taken_for_an_article() -> None:
    blocks = task("At the start block A is on block B and B is on the table. The goal: block B is on A.").blocks
    assert set(blocks.start) == {("a", "b"), ("b", TABLE)}
    assert blocks.goal == (("b", "a"),)


def test_the_last_of_several_problems_counts() -> None:
    first = "Initially red is on blue and blue is on the table. The goal is blue on red.\n\nPlan:\n(unstack red blue)"
    second = "Initially oak is on cork and cork is on the table. The goal is cork on oak."
    assert task(f"Blocks.\n{first}\n\n{second}\n\nPlan:").blocks.names == ("cork", "oak")


@pytest.mark.parametrize(
    "text",
    [
        "",
        RULES,
        "Initially the red block is on the blue block.",
        "The goal is to have the red block on the blue block.",
        "Initially red is on blue and blue is on red. The goal is that block red is on green.",
        "Initially blocks red and blue are on the table. The goal is red on blue and blue on red.",
        "At the start there are 5 books on the table. My goal is to read 3. How many boxes are left?",
    ],
)
def test_what_is_no_whole_and_possible_problem_is_not_read(text: str) -> None:
    assert FAMILY.read(text) is None


def test_every_problem_of_the_set_is_solved() -> None:
    for problem, found in drawn(201, 200):
        answer = found.solve().answer
        assert valid(problem, answer), (problem.prompt, answer)
        assert found.right(answer)


@pytest.mark.slow
def test_thousands_of_problems_are_solved() -> None:
    for problem, found in drawn(202, 2000):
        assert valid(problem, found.solve().answer), problem.prompt


def test_problems_of_others_that_are_told_in_words_of_their_own_are_solved_too(shared: Path) -> None:
    """Their blocks are colours in the text and letters in the instance, which reading the reply puts right."""
    for name in ("blocksworld", "blocksworld_3"):
        for case in islice(open_set(str(shared / "replay" / f"{name}.problems.jsonl.gz")), 40):
            reading = plan.read(case.problem, task(case.problem.prompt).solve().answer)
            assert reading is not None
            assert valid(case.problem, reading.value), case.problem.prompt


def test_a_slip_is_wrong_is_readable_and_follows_from_its_random_numbers() -> None:
    for problem, found in drawn(203, 80):
        for seed in range(4):
            worked = found.solve(random.Random(seed))
            assert not valid(problem, worked.answer), (problem.prompt, worked)
            assert not found.right(worked.answer)
            assert found.solve(random.Random(seed)) == worked


def test_the_reply_is_read_as_the_plan_and_nothing_else() -> None:
    for problem, found in drawn(204, 60):
        for slip in (None, random.Random(2)):
            worked = found.solve(slip)
            reading = plan.read(problem, "\n".join([*found.observations(), *worked.steps, "", worked.answer]))
            assert reading is not None
            assert reading.value == worked.answer


def test_slips_are_of_several_sorts() -> None:
    """Some cannot be carried out, others reach the wrong towers."""
    reasons = set()
    for problem, found in drawn(205, 30):
        for seed in range(3):
            check = strips.validate(
                str(problem.meta["pddl_domain"]),
                str(problem.meta["pddl_instance"]),
                found.solve(random.Random(seed)).answer,
            )
            reasons.add(check.step is None)
    assert reasons == {True, False}
    _, found = next(drawn(206, 1))
    assert len({found.solve(random.Random(seed)).answer for seed in range(30)}) > 3


def test_other_names_give_the_same_plan_with_these_names() -> None:
    text = "Initially red is on blue and blue is on the table. The goal is that block blue is on red."
    renamed = text.replace("red", "copper").replace("blue", "slate")
    assert task(renamed).solve().answer == task(text).solve().answer.replace("red", "copper").replace("blue", "slate")


def test_another_goal_gives_another_plan() -> None:
    text = "Initially blocks red, blue and green are on the table. The goal is that red is on blue."
    assert task(text).solve().answer == "(pick-up red)\n(stack red blue)"
    assert (
        task(text.replace("red is on blue", "green is on red")).solve().answer == "(pick-up green)\n(stack green red)"
    )


def test_a_block_in_the_hand_and_one_to_be_cleared_are_understood() -> None:
    held = task("Initially you are holding the red block; blue is on the table. The goal is that blue is on red.")
    assert held.solve().answer == "(put-down red)\n(pick-up blue)\n(stack blue red)"
    free = task("Initially the red block is on the blue block and blue is on the table. The goal: blue is clear.")
    assert free.solve().answer == "(unstack red blue)\n(put-down red)"


def test_a_goal_that_holds_is_kept_and_a_slip_breaks_it() -> None:
    found = task("Initially block red is on blue and blue is on the table. The goal is that red is on blue.")
    assert found.right(found.solve().answer)
    assert found.solve().answer
    assert not found.right(found.solve(random.Random(1)).answer)


@pytest.mark.parametrize(
    "answer", ["", "(fly red blue)", "(stack red)", "(unstack red blue green)", "(put-down)", "none"]
)
def test_an_answer_that_is_no_such_plan_is_wrong(answer: str) -> None:
    text = "Initially block red is on blue and blue is on the table. The goal is that blue is on red."
    assert not task(text).right(answer)


def test_more_moves_count_as_harder() -> None:
    short = task("Initially blocks red and blue are on the table. The goal is that red is on blue.")
    long = task(
        "Towers at the start, bottom to top:\nTower 1: a1, a2, a3, a4, a5\nIn the end a1 must be on a2 and a2 on a3."
    )
    assert 0 <= short.difficulty < long.difficulty <= 1


def test_observations_are_many_and_about_these_blocks_and_never_read_as_another_problem() -> None:
    for problem, found in drawn(207, 50):
        remarks = found.observations()
        assert len(set(remarks)) >= 6, problem.prompt
        talk = [problem.prompt, "", *remarks, *found.solve().steps, *found.solve(random.Random(5)).steps]
        assert FAMILY.read("\n".join(talk)) == found


def test_observations_are_true() -> None:
    text = (
        "Initially red is on blue, blue is on the table and block oak is on the table. The goal is that blue is on oak."
    )
    remarks = task(text).observations()
    assert "Blue cannot be used before red left it." in remarks
    assert "Only oak and red can be taken at once; all others have something above them." in remarks
    assert "2 moves are enough, that is 4 actions: each move lifts a block and sets it down." in remarks
    assert "0 of the 1 relations asked for hold already." in remarks
    assert "No place is prescribed for red." in remarks
