"""Questions that take a skill, mostly with options: the answer is computed and then looked for among them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from orchestrator.types import Kind

from . import skills_algebra, skills_counting, skills_measures
from .computed import Computed, Skill, alike
from .family import Worked
from .options import options
from .patterns import last

_SKILLS: tuple[Skill, ...] = (*skills_algebra.SKILLS, *skills_counting.SKILLS, *skills_measures.SKILLS)
_NONE = re.compile(r"none of (?:these|the above|the others|them)", re.IGNORECASE)
_ASKS = re.compile(r"\?|\b(?:Solve|solve for|Find|Convert|convert|Express|express)\b")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class SkillQuestion:
    """A question, worked out, and the options if it has any."""

    skill: Skill
    computed: Computed
    options: Mapping[str, str]

    @property
    def kind(self) -> Kind:
        if self.options:
            return "choice"
        return "number" if _NUMBER.fullmatch(self.computed.value) else "text"

    @property
    def skills(self) -> tuple[str, ...]:
        return self.skill.skills

    @property
    def difficulty(self) -> float:
        return self.skill.difficulty

    def solve(self, slip: random.Random | None = None) -> Worked:
        computed = self.computed
        if slip is None:
            return Worked((*computed.steps, *self._chosen(computed.value)), self._answer(computed.value))
        said, value = slip.choice(self._mistakes())
        letter = next((letter for letter, text in self.options.items() if alike(text, value)), None)
        if letter is None and self.options:
            letter = slip.choice([each for each in self.options if each != self._answer(computed.value)])
            near = f"The option closest to that is ({letter}) {self.options[letter]}."
            return Worked((*computed.steps[:-1], said, near), letter)
        return Worked((*computed.steps[:-1], said, *self._chosen(value)), letter or value)

    def right(self, answer: str) -> bool:
        right = self._answer(self.computed.value)
        return answer.strip(" ().").upper() == right if self.options else alike(answer, right)

    def observations(self) -> tuple[str, ...]:
        count = len(self.options)
        choices = f"One of the {count} options has to fit exactly." if count else "The answer is worked out exactly."
        return (
            *self.computed.remarks,
            f"This is about {self.skill.name}, and takes {self.skill.skills[0]}.",
            choices,
            "A quick estimate rules out what is far too large or too small.",
        )

    def _mistakes(self) -> tuple[tuple[str, str], ...]:
        wrong = tuple(pair for pair in self.computed.mistakes if not alike(pair[1], self.computed.value))
        return wrong or (("Something is lost on the way.", f"not {self.computed.value}"),)

    def _chosen(self, value: str) -> tuple[str, ...]:
        letter = next((letter for letter, text in self.options.items() if alike(text, value)), None)
        return (f"That is option ({letter}).",) if letter else ()

    def _answer(self, value: str) -> str:
        if not self.options:
            return value
        found = next((letter for letter, text in self.options.items() if alike(text, value)), None)
        return found or next(letter for letter, text in self.options.items() if _NONE.search(text))

    @property
    def answerable(self) -> bool:
        """Whether the answer is among the options, if there are any."""
        texts = self.options.values()
        return not texts or any(alike(text, self.computed.value) or _NONE.search(text) for text in texts)


class SkillQuestions:
    """Questions from equations to the calendar, told by their text alone."""

    name = "questions on equations, units, dates, sequences, sets and chances"

    def read(self, text: str) -> SkillQuestion | None:
        if not _ASKS.search(text) or not _DIGIT.search(text):
            return None
        lower = text.lower()
        best: tuple[re.Match[str], Skill] | None = None
        for skill in _SKILLS:
            if any(cue in lower for cue in skill.cue.split("|")):
                match = last(_patterns(skill.name), text)
                if match and (best is None or match.end() > best[0].end()):
                    best = match, skill
        return None if best is None else _question(*best, text)


@cache
def _patterns(name: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of a skill, compiled when the first text comes near one."""
    return next(skill.patterns() for skill in _SKILLS if skill.name == name)


def _question(match: re.Match[str], skill: Skill, text: str) -> SkillQuestion | None:
    found = {name: " ".join(said.split()) for name, said in match.groupdict().items() if said is not None}
    computed = skill.work(found)
    if computed is None:
        return None
    question = SkillQuestion(skill, computed, options(text[match.end() :]))
    return question if question.answerable else None
