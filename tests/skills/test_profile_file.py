"""The file of skill profiles: what it holds, and what is said of one that does not hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator import ConfigError
from orchestrator.skills import (
    Aggregation,
    ExpertProfile,
    SkillProfiles,
    Tagging,
    Tally,
    Trimming,
    parse_profiles,
    read_profiles,
    text_of,
)

from .making import profiles_of, written

WHOLE = SkillProfiles(
    {
        "b/2": ExpertProfile(Tally(3, 1), {"optics": Tally(1, 1), "émigré law": Tally(2, 0)}, lost=2),
        "a": ExpertProfile(),
    },
    {"00ff": ("optics",), "0a": ()},
    Tagging("list", 1, 1, "a"),
    Aggregation({"b/2": Tally(1, 0)}, 1, 1),
    Trimming(0.05, 6, {"b/2": 6, "a": 0}, ("a",), "recruits=3"),
    "b/2",
)


def test_what_is_written_is_read_again() -> None:
    assert parse_profiles(text_of(WHOLE), "x") == WHOLE


def test_it_is_json_with_a_line_for_each_skill_and_question() -> None:
    text = text_of(WHOLE)
    assert json.loads(text)["experts"]["b/2"]["skills"]["optics"] == {"right": 1, "wrong": 1}
    assert '\n        "émigré law": {"right": 2, "wrong": 0}' in text
    assert '\n    "00ff": ["optics"]' in text
    assert text.endswith("}\n")


def test_experts_stay_in_the_order_of_the_pool_and_skills_are_sorted() -> None:
    found = json.loads(text_of(WHOLE))
    assert list(found["experts"]) == ["b/2", "a"]
    assert list(found["experts"]["b/2"]["skills"]) == ["optics", "émigré law"]


def test_the_same_counts_make_the_same_text() -> None:
    one = profiles_of({"a": {"x": (1, 0), "y": (2, 0)}}, problems={"1": ("x",), "2": ("y",)})
    other = profiles_of({"a": {"y": (2, 0), "x": (1, 0)}}, problems={"2": ("y",), "1": ("x",)})
    assert text_of(one) == text_of(other)


def test_a_hand_written_file_needs_the_format_and_experts_only() -> None:
    found = parse_profiles('{"format": "skill-profiles/1", "experts": {"a": {"skills": {"law": {"right": 2}}}}}', "x")
    assert found.ratings.scores == {"a": {"law": 2}}
    assert (found.writer(), found.trimming, found.problems) == ("a", None, {})


def broken(**changes: Any) -> str:
    return json.dumps({**json.loads(text_of(WHOLE)), **changes})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "p.json: not JSON"),
        ("[]", '"format" is None, not "skill-profiles/1"'),
        (broken(format="skill-profiles/9"), "'skill-profiles/9'"),
        (broken(experts={}), "experts: there must be one"),
        (broken(experts={"a": {"right": -1}}), "experts.a.right"),
        (broken(experts={"a": {"right": "1"}}), "experts.a.right"),
        (broken(experts={"a": {"rigth": 1}}), "experts.a.rigth"),
        (broken(surplus=1), "surplus"),
        (broken(problems={"x": "law"}), "problems.x"),
        (broken(tagging={"how": "magic"}), "tagging.how"),
        (broken(aggregation={"aggregator": "zed"}), "aggregation.aggregator: 'zed' is none of its experts"),
        (broken(trimming={"share": 0.1, "slots": 1, "counts": {}, "removed": ["zed"]}), "trimming.removed: 'zed'"),
        (broken(trimming={"share": 0.1, "slots": 1, "counts": {}, "removed": ["a", "b/2"]}), "somebody must be left"),
    ],
    ids=range(13),
)
def test_what_does_not_hold_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_profiles(text, "p.json")
    assert said in str(caught.value)
    assert str(caught.value).startswith("p.json")


def test_a_missing_file_is_said_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json.*orchestrator profile build"):
        read_profiles(tmp_path / "none.json")


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_profiles(tmp_path / "p.json")


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    file = written(WHOLE, tmp_path)
    first = read_profiles(file)
    assert read_profiles(file) is first
    changed = profiles_of({"a": {"law": (1, 0)}})
    written(changed, tmp_path)
    os.utime(file, ns=(1, 1))
    assert read_profiles(file).experts == changed.experts
