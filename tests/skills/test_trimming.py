"""Experts that are next to never recruited are left out, and their slots go to the others."""

from __future__ import annotations

import random
from collections import Counter

from orchestrator.skills import Recruited, Rules, SkillProfiles, Trimming, trimming_of, without_rare

from .making import profiles_of


def known(problems: int = 100) -> SkillProfiles:
    counts = {"a": {"heat": (9, 0), "law": (0, 5)}, "b": {"heat": (0, 5), "law": (9, 0)}, "c": {"heat": (1, 8)}}
    skills = {f"{i:016x}": ("heat",) if i % 2 else ("law",) for i in range(problems)}
    return profiles_of(counts, problems=skills)


def test_slots_are_counted_over_the_questions_of_the_profiles() -> None:
    found = trimming_of(known(), Rules())
    assert (found.slots, sum(found.counts.values()), found.share) == (300, 300, 0.05)
    assert found.rules == "recruits=3, draw=replacement, weighting=code, routing_temperature=0.5"
    assert (found.counts, found.removed) == ({"a": 150, "b": 150, "c": 0}, ("c",))


def test_the_bar_is_below_five_percent_of_all_slots() -> None:
    def removed(with_b: int) -> tuple[str, ...]:
        skills = {f"{i:016x}": ("law",) if i < with_b else ("heat",) for i in range(100)}
        of_two = profiles_of({"a": {"heat": (9, 0)}, "b": {"law": (9, 0)}}, problems=skills)
        return trimming_of(of_two, Rules(recruits=1)).removed

    assert (removed(5), removed(4)) == ((), ("b",))


def test_where_nobody_reaches_the_bar_nobody_is_left_out() -> None:
    crowd = profiles_of({f"e{i}": {"heat": (1, 0)} for i in range(40)}, problems={"m": ("heat",)})
    assert trimming_of(crowd, Rules(recruits=3), share=0.9).removed == ()


def test_a_question_without_skills_counts_as_it_is_recruited_for() -> None:
    bare = profiles_of({"a": {"heat": (9, 0)}, "b": {"heat": (0, 9)}}, problems={f"{i}": () for i in range(200)})
    found = trimming_of(bare, Rules(recruits=1))
    assert found.removed == ()
    assert 70 < found.counts["b"] < 130


def test_the_order_in_which_questions_came_changes_nothing() -> None:
    profiles = known()
    backwards = SkillProfiles(profiles.experts, dict(reversed(list(profiles.problems.items()))))
    assert trimming_of(profiles, Rules(), seed=3) == trimming_of(backwards, Rules(), seed=3)


TRIMMING = Trimming(0.05, 100, {"a": 75, "b": 24, "c": 1}, ("c",))


def trimmed(experts: tuple[str, ...], rules: Rules | None = None, seed: int = 0) -> Recruited:
    team = Recruited(experts, "skills", dict.fromkeys(experts, "heat +1"))
    return without_rare(team, TRIMMING, ("a", "b", "c"), rules or Rules(), random.Random(seed))


def test_a_slot_of_one_that_is_left_out_is_drawn_anew_by_how_often_others_are_recruited() -> None:
    found = Counter(trimmed(("a", "c", "b"), seed=seed).experts[1] for seed in range(400))
    assert set(found) == {"a", "b"}
    assert 270 < found["a"] < 330
    assert trimmed(("a", "c", "b")).experts[::2] == ("a", "b")


def test_who_steps_in_is_told_as_such() -> None:
    found = trimmed(("c",))
    assert found.because == {found.experts[0]: "in place of one that is seldom recruited"}
    assert trimmed(("a", "c"), seed=1).because["a"] == "heat +1"


def test_a_team_without_them_stays_as_it_is() -> None:
    assert trimmed(("a", "b", "a")).experts == ("a", "b", "a")


def test_without_replacement_nobody_steps_in_who_is_in_the_team() -> None:
    assert trimmed(("a", "c"), Rules(draw="distinct")).experts == ("a", "b")
    assert trimmed(("b", "c"), Rules(draw="top")).experts == ("b", "a")
    assert trimmed(("c", "a", "b"), Rules(draw="distinct")).experts == ("a", "b")


def test_a_pool_of_none_but_seldom_recruited_ones_keeps_its_team() -> None:
    team = Recruited(("c", "c"), "skills", {"c": "heat -7"})
    assert without_rare(team, TRIMMING, ("c",), Rules(), random.Random(0)) is team
