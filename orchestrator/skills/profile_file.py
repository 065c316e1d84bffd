"""The file of skill profiles: JSON that people may read and edit, checked when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestrator.errors import ConfigError

from .profiles import ExpertProfile, SkillProfiles, Tagging, Tally, Trimming

FORMAT = "skill-profiles/1"


def read_profiles(path: Path) -> SkillProfiles:
    """The profiles of a file; one that has not changed is read once.

    Raises:
        ConfigError: it cannot be read, or does not hold; with the place that is wrong.
    """
    path = path.expanduser()
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror or error}; `orchestrator profile build SET -o {path.name}` makes skill profiles"
        ) from None


def parse_profiles(text: str, source: str) -> SkillProfiles:
    """The profiles that a file's text holds.

    Args:
        source: names the file in errors.

    Raises:
        ConfigError: they do not hold.
    """
    from .profile_model import checked

    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{source}: not JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        said = found.get("format") if isinstance(found, dict) else None
        raise ConfigError(f'{source}: no skill profiles that can be read here: "format" is {said!r}, not "{FORMAT}"')
    return checked(found, source)


def text_of(profiles: SkillProfiles) -> str:
    """The file's text: skills, problems and experts a line each, skills and problems sorted."""
    head = {"format": FORMAT, "tagging": _tagging(profiles.tagging), "aggregation": _aggregation(profiles)}
    trimming = profiles.trimming
    parts = {name: json.dumps(value, ensure_ascii=False) for name, value in head.items()}
    parts["trimming"] = "null" if trimming is None else json.dumps(_trimming(trimming), ensure_ascii=False)
    parts["experts"] = _lines({name: _expert(profile) for name, profile in profiles.experts.items()}, "  ")
    problems = {mark: json.dumps(skills, ensure_ascii=False) for mark, skills in sorted(profiles.problems.items())}
    parts["problems"] = _lines(problems, "  ")
    return _lines(parts, "") + "\n"


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int, _size: int) -> SkillProfiles:
    try:
        return parse_profiles(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def _lines(parts: Mapping[str, str], indent: str) -> str:
    """An object with a line for each of its parts, which are JSON already."""
    if not parts:
        return "{}"
    inside = ",\n".join(f"{indent}  {json.dumps(name, ensure_ascii=False)}: {part}" for name, part in parts.items())
    return f"{{\n{inside}\n{indent}}}"


def _expert(profile: ExpertProfile) -> str:
    skills = {skill: json.dumps(_tally(tally)) for skill, tally in sorted(profile.skills.items())}
    parts = {
        **{name: json.dumps(value) for name, value in _tally(profile.total).items()},
        "lost": json.dumps(profile.lost),
        "skills": _lines(skills, "      "),
    }
    return _lines(parts, "    ")


def _tally(tally: Tally) -> dict[str, int]:
    return {"right": tally.right, "wrong": tally.wrong}


def _tagging(tagging: Tagging) -> dict[str, Any]:
    return {"how": tagging.how, "passes": tagging.passes, "keep": tagging.keep, "tagger": tagging.tagger}


def _aggregation(profiles: SkillProfiles) -> dict[str, Any]:
    found = profiles.aggregation
    return {
        "aggregator": profiles.writer(),
        "rows": found.rows,
        "skipped": found.skipped,
        "scores": {name: _tally(tally) for name, tally in found.scores.items()},
    }


def _trimming(trimming: Trimming) -> dict[str, Any]:
    return {
        "counted_over": "the questions of these profiles",
        "rules": trimming.rules,
        "share": trimming.share,
        "slots": trimming.slots,
        "counts": dict(trimming.counts),
        "removed": list(trimming.removed),
    }
