"""The built-in Blocksworld set."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from orchestrator.answers import strips
from orchestrator.answers.plan import read
from orchestrator.evals.builtin.blocksworld import rows
from orchestrator.types import Message, Problem


def problems(seed: int, number: int) -> list[Problem]:
    found = []
    for row in islice(rows(seed), number):
        assert isinstance(row["meta"], dict)
        found.append(Problem(str(row["id"]), (Message("user", str(row["question"])),), kind="plan", meta=row["meta"]))
    return found


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    assert list(islice(rows(1), 40)) == list(islice(rows(1), 40))
    assert list(islice(rows(1), 40)) != list(islice(rows(2), 40))
    assert len({row["id"] for row in islice(rows(1), 40)}) == 40


def test_instances_are_pddl_whose_goal_does_not_hold_yet() -> None:
    for problem in problems(2, 120):
        domain, instance = str(problem.meta["pddl_domain"]), str(problem.meta["pddl_instance"])
        found = strips.parse_instance(instance)
        assert found.goal
        assert not strips.validate(domain, instance, "").valid
        supports = Counter(atom[1] for atom in found.init if atom[0] in ("on", "ontable"))
        assert supports == Counter(found.objects), "each block stands in one place"


def test_text_and_instance_name_the_same_blocks_and_the_text_says_how_to_write_actions() -> None:
    for problem in problems(3, 60):
        text = problem.prompt.lower()
        for name in strips.parse_instance(str(problem.meta["pddl_instance"])).objects:
            assert name in text
        assert "(unstack x y)" in text


def test_a_plan_in_the_form_asked_for_is_read() -> None:
    for problem in problems(4, 30):
        one, other, *_ = sorted(strips.parse_instance(str(problem.meta["pddl_instance"])).objects)
        reading = read(problem, f"So the plan is:\n(unstack {one} {other})\n(put-down {one})")
        assert reading is not None
        assert reading.value == f"(unstack {one} {other})\n(put-down {one})"


def test_sizes_go_from_three_to_six_and_wordings_vary() -> None:
    drawn = list(islice(rows(5), 60))
    assert {row["category"] for row in drawn} == {"3 blocks", "4 blocks", "5 blocks", "6 blocks"}
    texts = " ".join(str(row["question"]) for row in drawn)
    assert all(
        words in texts for words in ("In the beginning", "Starting position", "from bottom to top", "block A", "oak")
    )
