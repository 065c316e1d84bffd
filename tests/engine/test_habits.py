"""What problems of a kind do, as it is learned from those before them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.habits import DEEPEST, KINDS, OFTEN, Followed, Habits
from orchestrator.engine.outlook import outlook
from tests.quiet import QUIET

Steps = Sequence[Iterable[str]]


def begun(habits: Habits, steps: Steps, *, declared: bool = False, kind: str = "alike") -> Followed:
    """A problem that has asked so much."""
    problem = habits.follow(kind)
    for stage, models in enumerate(steps):
        for model in models:
            problem.asks(model, stage, declared)
    return problem


def ended(habits: Habits, steps: Steps, number: int = 1, *, declared: bool = False, kind: str = "alike") -> None:
    for _ in range(number):
        habits.end(begun(habits, steps, declared=declared, kind=kind))


def test_of_a_kind_that_nobody_has_seen_nothing_is_expected() -> None:
    problem = begun(Habits(), ["a"])
    assert (problem.to_come("a"), problem.to_come("w"), problem.goes_on) == (0.0, 0.0, 1.0)


def test_a_model_that_problems_ask_in_the_end_is_expected_of_those_under_way() -> None:
    habits = Habits()
    ended(habits, ["a", "w"], 20)
    problem = begun(habits, ["a"])
    assert problem.to_come("w") == pytest.approx(1.0, abs=0.1)
    assert problem.to_come("a") < 0.1
    problem.asks("w", 1, declared=False)
    assert problem.to_come("w") == 0.0


def test_what_has_passed_a_step_teaches_before_it_has_ended() -> None:
    habits = Habits()
    for _ in range(3):
        begun(habits, ["a", "w"])
    assert begun(habits, ["a"]).to_come("w") >= 0.5


def test_one_problem_is_no_habit() -> None:
    habits = Habits()
    ended(habits, ["a", "w"])
    assert begun(habits, ["a"]).to_come("w") < 0.7
    ended(habits, ["abcdefgh"])
    assert begun(habits, ["a"]).to_come("w") < 0.5


def test_a_step_that_few_problems_take_is_expected_as_seldom() -> None:
    habits = Habits()
    ended(habits, ["a", "w"], 10)
    ended(habits, ["a"], 30)
    problem = begun(habits, ["a"])
    assert problem.goes_on == pytest.approx(0.25, abs=0.05)
    assert problem.to_come("w") == pytest.approx(0.25, abs=0.05)


def test_who_asks_each_model_once_is_expected_to_ask_those_that_are_left() -> None:
    habits, rng = Habits(), random.Random(1)
    for _ in range(100):
        ended(habits, rng.sample("abcd", 4))
    problem = begun(habits, ["c", "a", "d"])
    assert [round(problem.to_come(model)) for model in "abcd"] == [0, 1, 0, 0]
    assert begun(habits, ["c", "a"]).to_come("b") == pytest.approx(1.0, abs=0.1)


def test_who_asks_one_of_his_own_again_is_expected_to_ask_any_of_them() -> None:
    habits, rng = Habits(), random.Random(2)
    for _ in range(100):
        team = rng.sample("abcdefgh", 3)
        ended(habits, [team, rng.choice(team)])
    problem = begun(habits, ["abc"])
    assert problem.to_come("a") == pytest.approx(1 / 3, abs=0.15)
    assert problem.to_come("h") < 0.05


def test_several_calls_of_a_step_are_expected_as_many() -> None:
    habits = Habits()
    ended(habits, ["a", "bbb", "bb"], 30)
    assert begun(habits, ["a"]).to_come("b") == pytest.approx(5, abs=0.5)


def test_what_problems_declare_is_not_learned_and_who_declares_speaks_for_himself() -> None:
    habits = Habits()
    ended(habits, ["a", "w"], 20, declared=True)
    assert begun(habits, ["a"]).to_come("w") == 0.0
    ended(habits, ["a"], 20)
    assert begun(habits, ["a"], declared=True).goes_on == 1.0


def test_calls_elsewhere_are_steps_as_well() -> None:
    habits = Habits()
    for _ in range(10):
        problem = habits.follow("alike")
        for stage, model in enumerate((None, "a", None)):
            problem.asks(model, stage, declared=False)
        habits.end(problem)
    problem = habits.follow("alike")
    problem.asks(None, 0, declared=False)
    assert problem.to_come("a") > 0.8


def test_kinds_learn_nothing_of_each_other() -> None:
    habits = Habits()
    ended(habits, ["a", "w"], 20, kind="one")
    assert begun(habits, ["a"], kind="another").to_come("w") == 0.0


def test_a_kind_that_changes_its_ways_is_seen_to() -> None:
    habits = Habits()
    ended(habits, ["a", "v"], 5000)
    ended(habits, ["a", "w"], 1500)
    problem = begun(habits, ["a"])
    assert problem.to_come("w") > 0.5 > problem.to_come("v")


def test_what_is_remembered_does_not_grow_with_problems_kinds_or_steps() -> None:
    habits, rng = Habits(), random.Random(3)
    for number in range(2000):
        steps = [rng.choice("abc") for _ in range(rng.choice([1, 2, 100]))]
        ended(habits, steps, kind=str(number % (2 * KINDS)))
    assert len(habits) == KINDS
    assert not habits.open
    habit = begun(habits, ["a"], kind="1").habit
    assert len(habit.steps) <= DEEPEST
    assert all(len(step.calls) <= 3 * (OFTEN + 1) and step.reached < 1000 for step in habit.steps)


def test_a_problem_that_ends_twice_ended_once() -> None:
    habits = Habits()
    ended(habits, ["a", "w"], 3)
    problem = begun(habits, ["a"])
    for _ in range(10):
        habits.end(problem)
    assert problem.habit.steps[0].ended == 1


def test_likely_calls_are_counted_whole_and_others_on_average() -> None:
    habits = Habits()
    ended(habits, ["a", "w"], 40)
    open_ones = [begun(habits, ["a"]), begun(habits, ["b"]), begun(habits, ["a", "w"]), habits.follow("alike")]
    found = outlook(habits.open, "abw", {open_ones[0]: "w", open_ones[1]: "b"})
    assert (found.likely["w"], found.following["w"]) == (2, 1)
    assert (found.likely["a"], found.following["b"]) == (0, 0)
    assert 0 < found.unsure["a"] < 1


@given(st.lists(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4), max_size=12), st.booleans())
@settings(QUIET, max_examples=60)
def test_expected_calls_are_summed_as_if_each_problem_was_looked_at(problems: list[list[str]], end: bool) -> None:
    habits = Habits()
    for steps in problems:
        problem = begun(habits, steps)
        if end and len(steps) % 2:
            habits.end(problem)
    found = outlook(habits.open, "abc", {})
    for model in "abc":
        each = [problem.to_come(model) for problem in habits.open]
        assert found.likely[model] == sum(int(calls + 0.5) for calls in each if calls >= 0.5)
        assert found.unsure[model] == pytest.approx(sum(calls for calls in each if calls < 0.5))
