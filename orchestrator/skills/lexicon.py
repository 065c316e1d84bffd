"""Skills told by the words of a question alone: no call, and the same every time."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

MOST = 4
"""Skills of a question at the most, its field not counted."""
_LONGEST = 8_000
"""Characters that are looked at, half of them from the end, where most questions ask."""
_EVERYDAY = "word problems"
"""The field whose words stand in questions of all fields, so that they count half."""


@dataclass(frozen=True, slots=True)
class _Skill:
    name: str
    field: str
    words: re.Pattern[str]

    def told_by(self, text: str) -> float:
        """How many different words of the text speak of it."""
        count = len(set(self.words.findall(text)))
        return count / 2 if self.field == _EVERYDAY else count


def skills_told(text: str, most: int = MOST) -> tuple[str, ...]:
    """The field that a question's words speak of most, and the skills that they speak of, most spoken of first.

    Skills of which less than half as many words speak as of the first are left out. A text whose words say nothing has
    no skills.
    """
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}\n{text[-_LONGEST // 2 :]}"
    shown = shown.casefold()
    told = {skill: count for skill in _lexicon() if (count := skill.told_by(shown))}
    if not told:
        return ()
    best = max(told.values())
    found = sorted((skill for skill, count in told.items() if 2 * count >= best), key=lambda skill: -told[skill])
    fields: dict[str, float] = {}
    for skill, count in told.items():
        fields[skill.field] = fields.get(skill.field, 0) + count
    field = max(fields, key=fields.__getitem__)
    return tuple(dict.fromkeys((field, *(skill.name for skill in found[:most]))))


@cache
def _lexicon() -> tuple[_Skill, ...]:
    fields = tomllib.loads(files("orchestrator.skills").joinpath("lexicon.toml").read_text(encoding="utf-8"))
    return tuple(
        _Skill(name, field, _pattern(words)) for field, skills in fields.items() for name, words in skills.items()
    )


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(_alternative, words.split(",")), key=len, reverse=True)))


def _alternative(word: str) -> str:
    word = word.strip()
    begins, core = word.endswith("*"), re.escape(word.removesuffix("*")).replace(r"\ ", r"\s+")
    before = r"\b" if word[0].isalnum() else ""
    if begins:
        return rf"{before}{core}\w*"
    return rf"{before}{core}(?:e?s)?\b" if word[-1].isalnum() else before + core
