"""What a profile file must be like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import ConfigError

from .profiles import Aggregation, ExpertProfile, SkillProfiles, Tagging, Tally, Trimming

Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    """Unknown keys are kept out, so that a slip in a name shows; the format's number changes when keys are added."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Tally(_Part):
    right: Count = 0
    wrong: Count = 0

    def value(self) -> Tally:
        return Tally(self.right, self.wrong)


class _Expert(_Tally):
    lost: Count = 0
    skills: dict[str, _Tally] = {}

    def profile(self) -> ExpertProfile:
        skills = {name: tally.value() for name, tally in self.skills.items()}
        return ExpertProfile(self.value(), skills, self.lost)


class _Tagging(_Part):
    how: Literal["passes", "list", "text"] = "passes"
    passes: Annotated[int, Field(ge=1)] = 5
    keep: Annotated[int, Field(ge=1)] = 2
    tagger: str | None = None


class _Aggregation(_Part):
    aggregator: str | None = None
    rows: Count = 0
    skipped: Count = 0
    scores: dict[str, _Tally] = {}

    def value(self) -> Aggregation:
        scores = {name: tally.value() for name, tally in self.scores.items()}
        return Aggregation(scores, self.rows, self.skipped)


class _Trimming(_Part):
    counted_over: str = ""
    rules: str = ""
    share: float
    slots: Count
    counts: dict[str, Count]
    removed: list[str]


class _File(_Part):
    format: str
    tagging: _Tagging = _Tagging()
    aggregation: _Aggregation = _Aggregation()
    trimming: _Trimming | None = None
    experts: dict[str, _Expert]
    problems: dict[str, list[str]] = {}


def checked(found: Mapping[str, object], source: str) -> SkillProfiles:
    """The profiles that parsed JSON holds.

    Raises:
        ConfigError: it is not as it must be; with the first place that is wrong.
    """
    try:
        file = _File.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{source}: {place}: {first['msg']}") from None
    _known(file, source)
    return SkillProfiles(
        {name: expert.profile() for name, expert in file.experts.items()},
        {mark: tuple(skills) for mark, skills in file.problems.items()},
        Tagging(**file.tagging.model_dump()),
        file.aggregation.value(),
        None if file.trimming is None else _trimming(file.trimming),
        file.aggregation.aggregator,
    )


def _known(file: _File, source: str) -> None:
    """Raises:
    ConfigError: there is no expert, or one is named that is not among them.
    """
    if not file.experts:
        raise ConfigError(f"{source}: experts: there must be one at least")
    named = {"aggregation.aggregator": [file.aggregation.aggregator] if file.aggregation.aggregator else []}
    if file.trimming is not None:
        named["trimming.removed"] = file.trimming.removed
    for place, names in named.items():
        for name in names:
            if name not in file.experts:
                raise ConfigError(f"{source}: {place}: '{name}' is none of its experts")
    if file.trimming is not None and set(file.trimming.removed) >= set(file.experts):
        raise ConfigError(f"{source}: trimming.removed: somebody must be left")


def _trimming(found: _Trimming) -> Trimming:
    return Trimming(found.share, found.slots, found.counts, tuple(found.removed), found.rules)
