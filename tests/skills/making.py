"""Skill profiles for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.skills import ExpertProfile, SkillProfiles, Tally, text_of


def profiles_of(counts: Mapping[str, Mapping[str, tuple[int, int]]], **others: Any) -> SkillProfiles:
    """Profiles by expert and skill, each told as how often it was right and wrong."""
    experts = {name: ExpertProfile(skills=_tallies(skills)) for name, skills in counts.items()}
    return SkillProfiles(experts, **others)


def written(profiles: SkillProfiles, folder: Path) -> Path:
    """The file of some profiles."""
    file = folder / "profiles.json"
    file.write_text(text_of(profiles), encoding="utf-8")
    return file


def _tallies(skills: Mapping[str, tuple[int, int]]) -> dict[str, Tally]:
    return {skill: Tally(right, wrong) for skill, (right, wrong) in skills.items()}
