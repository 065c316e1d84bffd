"""Who is recruited: every branch of the routing, and what explains it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from orchestrator.skills import Ratings, Recruited, Rules, declared, recruited
from orchestrator.skills.recruiting import Draw, drawn
from orchestrator.types import Expert

from .making import profiles_of

POOL = ("a", "b", "c")
KNOWN = profiles_of(
    {
        "a": {"heat": (8, 1), "sums": (2, 5)},
        "b": {"heat": (1, 4), "sums": (6, 1)},
        "c": {"heat": (0, 3), "sums": (0, 3)},
    }
).ratings


def team(skills: tuple[str, ...] | None, rules: Rules | None = None, seed: int = 0) -> Recruited:
    return recruited(skills, KNOWN, POOL, rules or Rules(), random.Random(seed))


def counted(skills: tuple[str, ...] | None, rules: Rules) -> Counter[str]:
    return Counter(expert for seed in range(400) for expert in team(skills, rules, seed).experts)


def test_a_skill_calls_for_those_who_were_right_with_it() -> None:
    found = team(("heat",))
    assert (found.experts, found.rule) == (("a", "a", "a"), "skills")


def test_all_scores_negative_lifts_them() -> None:
    found = counted(("heat", "sums"), Rules())
    assert set(found) == {"a", "b"}  # +4 and +2, and c has -6
    lifted = recruited(("heat",), profiles_of({"a": {"heat": (0, 1)}, "b": {"heat": (0, 9)}}).ratings, ("a", "b"),
                       Rules(draw="top"), random.Random(0))  # fmt: skip
    assert (lifted.experts, lifted.rule) == (("a", "b"), "skills")
    assert lifted.because == {"a": "heat -1", "b": "heat -9"}


def test_without_a_skill_all_have_the_same_chance() -> None:
    found = counted(None, Rules())
    assert all(330 < found[expert] < 470 for expert in POOL)
    assert team(None).rule == "uniform"


def test_skills_that_are_not_known_leave_it_to_overall_strength() -> None:
    found = counted((), Rules())
    assert found["b"] > found["c"]
    assert found["a"] > found["c"]
    assert team(()).rule == "strength"
    assert set(team(()).because.values()) <= {"strength +4", "strength +2", "strength -6"}


def test_a_skill_that_comes_twice_counts_twice() -> None:
    assert KNOWN.local("a", ("heat", "heat", "sums")) == 11


def test_with_replacement_one_expert_may_have_all_slots() -> None:
    assert team(("heat",), Rules(recruits=5)).experts == ("a",) * 5


def test_without_replacement_nobody_comes_twice() -> None:
    for seed in range(20):
        found = team(("heat", "sums"), Rules(draw="distinct"), seed)
        assert sorted(found.experts) == ["a", "b", "c"]
    assert set(team(("heat", "sums"), Rules(recruits=2, draw="distinct")).experts) == {"a", "b"}


def test_the_top_is_taken_without_chance() -> None:
    found = {team(("heat", "sums"), Rules(recruits=2, draw="top"), seed).experts for seed in range(20)}
    assert found == {("a", "b")}


@pytest.mark.parametrize("draw", ["distinct", "top"])
def test_a_small_pool_is_recruited_whole(draw: Draw) -> None:
    assert sorted(team(("heat",), Rules(recruits=9, draw=draw)).experts) == ["a", "b", "c"]


def test_without_replacement_those_without_a_chance_come_last() -> None:
    for seed in range(20):
        assert drawn([0.0, 0.3, 0.7], 3, "distinct", random.Random(seed))[2] == 0


def test_the_papers_weighting_leaves_everybody_a_chance() -> None:
    ratings = profiles_of({"a": {"heat": (2, 1)}, "b": {"heat": (1, 2)}}).ratings
    rules = Rules(weighting="paper")
    found = Counter(
        expert
        for seed in range(300)
        for expert in recruited(("heat",), ratings, ("a", "b"), rules, random.Random(seed)).experts
    )
    assert found["a"] > found["b"] > 0


def test_recruits_are_explained_by_their_weightiest_skills() -> None:
    found = team(("sums", "heat"), Rules(draw="top"))
    assert found.because == {"a": "heat +7, sums -3", "b": "sums +5, heat -3", "c": "sums -3, heat -3"}


def test_the_same_seed_recruits_the_same_team() -> None:
    assert team(("heat", "sums"), seed=7) == team(("heat", "sums"), seed=7)


def test_declared_skills_count_one_each_and_make_nobody_stronger() -> None:
    experts = [Expert("x", "m", skills=("Heat", "sums", "law")), Expert("y", "m", skills=("heat",)), Expert("z", "m")]
    ratings = declared(experts)
    assert [ratings.local(expert.id, ("heat",)) for expert in experts] == [1, 1, 0]
    found = Counter(
        expert
        for seed in range(300)
        for expert in recruited(("heat",), ratings, ("x", "y", "z"), Rules(), random.Random(seed)).experts
    )
    assert 390 < found["x"] < 510
    assert found["z"] == 0


def test_an_expert_that_nobody_rated_counts_nothing() -> None:
    assert (Ratings({}, {}).local("a", ("heat",)), Ratings({}, {}).strength("a"), Ratings({}, {}).skills) == (0, 0, ())
