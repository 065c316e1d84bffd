"""Skill profiles: counts, and what they come to."""

from __future__ import annotations

from orchestrator.skills import Aggregation, ExpertProfile, SkillProfiles, Tally

from .making import profiles_of

EMPTY = SkillProfiles({"a": ExpertProfile(), "b": ExpertProfile()})


def test_a_right_answer_counts_for_every_skill_of_its_question_and_a_wrong_one_against() -> None:
    skills = {"q1": ("heat", "sums"), "q2": ("heat",)}
    found = EMPTY.counted(skills, {"a": {"q1": True, "q2": False}, "b": {"q1": False, "q2": False}})
    assert found.experts["a"] == ExpertProfile(Tally(1, 1), {"heat": Tally(1, 1), "sums": Tally(1, 0)})
    assert found.ratings.scores == {"a": {"heat": 0, "sums": 1}, "b": {"heat": -2, "sums": -1}}
    assert found.ratings.strengths == {"a": 1, "b": -3}


def test_no_reply_counts_neither_way_but_is_told() -> None:
    found = EMPTY.counted({"q": ("heat",)}, {"a": {"q": None}, "b": {"q": True}})
    assert found.experts["a"] == ExpertProfile(lost=1)


def test_a_question_without_skills_counts_in_all_but_for_no_skill() -> None:
    found = EMPTY.counted({"q": ()}, {"a": {"q": True}})
    assert (found.experts["a"].total, found.experts["a"].strength, found.problems) == (Tally(1, 0), 0, {"q": ()})


def test_counts_are_joined_by_question_not_by_row() -> None:
    skills = {"q1": ("heat",), "q2": ("law",)}
    one = EMPTY.counted(skills, {"a": {"q1": True, "q2": False}})
    other = EMPTY.counted(dict(reversed(skills.items())), {"a": {"q2": False, "q1": True}})
    assert one.experts == other.experts


def test_more_questions_are_added_to_what_is_there() -> None:
    first = EMPTY.counted({"q1": ("heat",)}, {"a": {"q1": True}})
    both = first.counted({"q2": ("heat",)}, {"a": {"q2": True}})
    assert both.experts["a"].skills == {"heat": Tally(2, 0)}
    assert list(both.problems) == ["q1", "q2"]


def test_the_writer_is_the_one_that_was_right_most_often_of_equals_the_strongest() -> None:
    counts = {"a": {"x": (1, 0)}, "b": {"x": (5, 0)}, "c": {"x": (9, 0)}}
    scores = {"a": Tally(3, 1), "b": Tally(6, 2), "c": Tally(1, 3)}
    found = profiles_of(counts, aggregation=Aggregation(scores, rows=8))
    assert found.writer() == "b"
    assert found.writer(["a", "c"]) == "a"
    assert found.writer(["nobody"]) is None


def test_where_nobody_was_tried_the_strongest_writes() -> None:
    assert profiles_of({"a": {"x": (1, 0)}, "b": {"x": (5, 0)}}).writer() == "b"


def test_who_was_chosen_writes_where_it_is_there() -> None:
    found = profiles_of({"a": {"x": (1, 0)}, "b": {"x": (5, 0)}}, chosen="a")
    assert (found.writer(), found.writer(["b"])) == ("a", "b")


def test_skills_are_sorted_whatever_came_first() -> None:
    assert profiles_of({"a": {"z": (1, 0), "b": (1, 0)}, "c": {"a": (0, 1)}}).ratings.skills == ("a", "b", "z")
