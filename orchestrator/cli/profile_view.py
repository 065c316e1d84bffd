"""Skill profiles as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import UnknownName
from orchestrator.skills import ExpertProfile, SkillProfiles, Tally

from .counting import counted
from .printing import note, out, out_folded, visible
from .tables import Column, percent, print_table

_TOP = 30
"""Skills that a table shows."""
_BEST = 3
"""Skills that are named of an expert."""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of some profiles."""

    known: SkillProfiles
    experts: Sequence[str]
    skills: Sequence[str]
    """Those of most problems first."""
    support: int
    """How often an expert must have been asked."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        known = self.known
        return {
            "problems": len(known.problems),
            "tagging": {"how": known.tagging.how, "tagger": known.tagging.tagger},
            "aggregator": known.writer(),
            "removed": list(_removed(known)),
            "experts": [{"expert": name, **self._expert_json(name)} for name in self.experts],
        }

    def show(self) -> None:
        """Prints who writes and who is left out, a table of experts and one of skills."""
        known = self.known
        tagger = f" by {known.tagging.tagger}" if known.tagging.tagger else ""
        problems, skills = counted(len(known.problems), "problem"), counted(len(known.ratings.skills), "skill")
        out(f"{problems}, {skills}, tagged by {known.tagging.how}{tagger}")
        out_folded(f"the answer is written by: {visible(known.writer() or '-', keep='')}")
        if removed := _removed(known):
            out_folded(f"seldom recruited and left out: {visible(', '.join(removed), keep='')}")
        out("")
        self._print_experts()
        out("")
        self._print_skills(self.skills[:_TOP])
        if len(self.skills) > _TOP:
            more = counted(len(self.skills) - _TOP, "more skill is", "more skills are")
            note(f"{more} not shown; --json has all, --skill NAME one of them")

    # -- experts --------------------------------------------------------------------------

    def _expert_json(self, name: str) -> dict[str, Any]:
        profile, scores = self.known.experts[name], self.known.aggregation.scores
        return {
            **_tally(profile.total),
            "lost": profile.lost,
            "strength": profile.strength,
            "recruited": _recruited(self.known, name),
            "writing": _tally(scores[name]) if name in scores else None,
            "skills": {
                skill: _tally(profile.skills[skill]) for skill in self.skills if self._supported(profile, skill)
            },
        }

    def _supported(self, profile: ExpertProfile, skill: str) -> bool:
        return skill in profile.skills and profile.skills[skill].asked >= self.support

    def _print_experts(self) -> None:
        known, scores = self.known, self.known.aggregation.scores
        profiles = [known.experts[name] for name in self.experts]
        writing = [scores[name].accuracy if name in scores else None for name in self.experts]
        print_table(
            [
                Column("expert", self.experts, folds=True),
                Column("right", [str(profile.total.right) for profile in profiles]),
                Column("wrong", [str(profile.total.wrong) for profile in profiles]),
                Column("lost", [str(profile.lost) for profile in profiles], rank=3),
                Column("strength", [f"{profile.strength:+d}" for profile in profiles]),
                Column("recruited", [percent(_recruited(known, name)) for name in self.experts], rank=2),
                Column("writing", list(map(percent, writing)), rank=2),
                Column("best at", list(map(self._best, profiles)), folds=True, rank=1),
            ]
        )

    def _best(self, profile: ExpertProfile) -> str:
        scores = {skill: tally.score for skill, tally in profile.skills.items() if self._supported(profile, skill)}
        good = sorted((skill for skill in scores if scores[skill] > 0), key=lambda skill: (-scores[skill], skill))
        return ", ".join(f"{skill} {scores[skill]:+d}" for skill in good[:_BEST])

    # -- skills ---------------------------------------------------------------------------

    def _print_skills(self, skills: Sequence[str]) -> None:
        """A row a skill: who is best and worst at it, or for one expert its own counts."""
        asked = [str(_asked(self.known, skill)) for skill in skills]
        columns = [Column("skill", skills, folds=True), Column("problems", asked)]
        print_table([*columns, *(self._counts(skills) if len(self.experts) == 1 else self._extremes(skills))])

    def _counts(self, skills: Sequence[str]) -> list[Column]:
        tallies = [self.known.experts[self.experts[0]].skills.get(skill) for skill in skills]
        return [
            Column("right", ["-" if tally is None else str(tally.right) for tally in tallies]),
            Column("wrong", ["-" if tally is None else str(tally.wrong) for tally in tallies]),
            Column("score", ["-" if tally is None else f"{tally.score:+d}" for tally in tallies]),
        ]

    def _extremes(self, skills: Sequence[str]) -> list[Column]:
        ranked = [self._ranked(skill) for skill in skills]
        return [
            Column("best", [each[0] for each in ranked], folds=True),
            Column("worst", [each[-1] for each in ranked], folds=True, rank=1),
        ]

    def _ranked(self, skill: str) -> list[str]:
        experts = self.known.experts.items()
        scores = {name: profile.skills[skill].score for name, profile in experts if skill in profile.skills}
        return [f"{name} {scores[name]:+d}" for name in sorted(scores, key=lambda name: -scores[name])]


def view_of(known: SkillProfiles, expert: str | None, skill: str | None, support: int) -> View:
    """The profiles, or what they hold of one expert or one skill.

    Raises:
        UnknownName: there is no such one.
    """
    counts = {name: _asked(known, name) for name in known.ratings.skills}
    for what, name, there in (("expert", expert, known.experts), ("skill", skill, counts)):
        if name is not None and name not in there:
            raise UnknownName(what, name, list(there), "the profiles")
    skills = sorted((name for name, count in counts.items() if count >= support), key=lambda name: -counts[name])
    return View(known, [expert] if expert else list(known.experts), [skill] if skill else skills, support)


def _asked(known: SkillProfiles, skill: str) -> int:
    """How often the expert was asked that was asked most."""
    return max(profile.skills[skill].asked for profile in known.experts.values() if skill in profile.skills)


def _tally(tally: Tally) -> dict[str, Any]:
    return {"right": tally.right, "wrong": tally.wrong, "score": tally.score}


def _removed(known: SkillProfiles) -> Sequence[str]:
    return known.trimming.removed if known.trimming else ()


def _recruited(known: SkillProfiles, name: str) -> float | None:
    """The share of slots that an expert got over the questions of the profiles."""
    trimming = known.trimming
    return trimming.counts.get(name, 0) / trimming.slots if trimming is not None and trimming.slots else None
