"""Skill profiles: how often each expert was right and wrong with each skill, and what else was learnt on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from orchestrator.types import Expert

from .ratings import Ratings


@dataclass(frozen=True, slots=True)
class Tally:
    """How often an expert was right and wrong."""

    right: int = 0
    wrong: int = 0

    @property
    def score(self) -> int:
        """Right less wrong."""
        return self.right - self.wrong

    @property
    def asked(self) -> int:
        """How often it gave an answer or failed to give a readable one."""
        return self.right + self.wrong

    @property
    def accuracy(self) -> float:
        """The share of right ones; 0 where nothing was asked."""
        return self.right / self.asked if self.asked else 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.wrong + other.wrong)


@dataclass(frozen=True, slots=True)
class ExpertProfile:
    """What is known of one expert."""

    total: Tally = Tally()
    """Over questions, each once however many skills it has."""
    skills: Mapping[str, Tally] = field(default_factory=dict)
    lost: int = 0
    """Questions to which no reply came; they count neither way."""

    @property
    def strength(self) -> int:
        """Right less wrong, summed over all skills."""
        return sum(tally.score for tally in self.skills.values())


@dataclass(frozen=True, slots=True)
class Tagging:
    """How questions were tagged with skills; the same is done to the questions that are recruited for."""

    how: str = "passes"
    """`passes`: several replies that are asked for, `list`: one reply, `text`: by the words of the question alone."""
    passes: int = 5
    keep: int = 2
    """In how many passes a keyword must come to be kept."""
    tagger: str | None = None
    """Id of the expert that was asked."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Who writes the best answer out of a right one and two wrong ones."""

    scores: Mapping[str, Tally] = field(default_factory=dict)
    """By id."""
    rows: int = 0
    skipped: int = 0
    """Questions that had no right chain, or no wrong ones of two experts: there is nothing to choose among."""

    def __add__(self, other: Aggregation) -> Aggregation:
        names = dict.fromkeys((*self.scores, *other.scores))
        both = {name: self.scores.get(name, Tally()) + other.scores.get(name, Tally()) for name in names}
        return Aggregation(both, self.rows + other.rows, self.skipped + other.skipped)


@dataclass(frozen=True, slots=True)
class Trimming:
    """Who is recruited so seldom that it is left out, counted over the questions of the profile."""

    share: float
    """Of all slots; who has less is left out."""
    slots: int
    counts: Mapping[str, int]
    """How often each was recruited, by id."""
    removed: tuple[str, ...]
    rules: str = ""
    """How was recruited to count this, as settings of the strategy."""


@dataclass(frozen=True)
class SkillProfiles:
    """Everything that a profile file holds."""

    experts: Mapping[str, ExpertProfile]
    """By id, in the order of the pool."""
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The skills of every question that was seen, by the question's mark."""
    tagging: Tagging = Tagging()
    aggregation: Aggregation = Aggregation()
    trimming: Trimming | None = None
    chosen: str | None = None
    """Id of the expert that is to write; `None`: see `writer`."""

    def writer(self, among: Collection[str] | None = None) -> str | None:
        """Id of the expert that was chosen to write; else of the one that writes best, of equals the strongest.

        Args:
            among: those who are there; `None`: all. `None` is returned where the profiles know none of them.
        """
        here = [expert for expert in self.experts if among is None or expert in among]
        if self.chosen in here:
            return self.chosen
        scores = self.aggregation.scores
        return max(
            here, key=lambda expert: (scores.get(expert, Tally()).accuracy, self.experts[expert].strength), default=None
        )

    @cached_property
    def ratings(self) -> Ratings:
        """The paper's: right less wrong for each skill, and summed over all skills."""
        scores = {
            name: {skill: float(tally.score) for skill, tally in profile.skills.items()}
            for name, profile in self.experts.items()
        }
        return Ratings(scores, {name: float(profile.strength) for name, profile in self.experts.items()})

    def counted(
        self, skills: Mapping[str, Sequence[str]], results: Mapping[str, Mapping[str, bool | None]]
    ) -> SkillProfiles:
        """The profiles with more questions.

        Args:
            skills: those of each question, by its mark.
            results: for each expert, by the question's mark, whether it was right; `None` where no reply came.
        """
        experts = {name: _counted(self.experts[name], skills, results.get(name, {})) for name in self.experts}
        problems = {**self.problems, **{mark: tuple(found) for mark, found in skills.items()}}
        return replace(self, experts=experts, problems=problems)


def declared(experts: Iterable[Expert]) -> Ratings:
    """Ratings out of the skills that experts are said to have: 1 for each, and nobody stronger than others."""
    return Ratings({expert.id: {skill.lower(): 1.0 for skill in expert.skills} for expert in experts}, {})


def _counted(
    profile: ExpertProfile, skills: Mapping[str, Sequence[str]], results: Mapping[str, bool | None]
) -> ExpertProfile:
    total, lost, tallies = profile.total, profile.lost, dict(profile.skills)
    for mark, right in results.items():
        if right is None:
            lost += 1
            continue
        one = Tally(int(right), int(not right))
        total += one
        for skill in dict.fromkeys(skills[mark]):
            tallies[skill] = tallies.get(skill, Tally()) + one
    return ExpertProfile(total, tallies, lost)
