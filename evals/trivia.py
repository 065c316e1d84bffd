"""Trivia Creative Writing (Z. Wang et al., 2024): a story that contains the answers to all of some trivia questions.

Fields: `questions`, `answers` (for each question its answer's aliases), `topic`, `question_ids`. Ids are
`trivia_N/I`: N questions, I the row's position in the file from 0.

`rule=published` counts the questions of which any alias is a part of the reply, in either case, as the alias "US" is
of "music"; where there is no final answer the whole dialogue is searched. `rule=strict`, the default, searches the
story alone and wants an alias as whole words; without a final answer there is no story.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.types import Message, Problem

from .case import Case, Reference, part_of, split_of
from .rows import Line, Options, Reader, Row
from .scoring import UNMARKED, RuleName, Score, published_output, rule_of

_TASK = "Write a short, coherent story about {topic} that contains the answers to these {n} questions: {questions}"
_WORDS = re.compile(r"\w+")


class StoryRow(BaseModel):
    model_config = ConfigDict(frozen=True)

    questions: tuple[str, ...] = Field(min_length=1)
    answers: tuple[tuple[str, ...], ...]
    topic: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Mentions:
    """Counts the questions whose answer a story has."""

    aliases: tuple[tuple[str, ...], ...]
    """Of each question's answer."""
    rule: RuleName = "strict"

    def __call__(self, answer: str | None, text: str | None) -> Score:
        of = len(self.aliases)
        if self.rule == "published":
            output, marked = published_output(answer, text)
            points = sum(any(alias.lower() in output.lower() for alias in each) for each in self.aliases)
            return Score(points, of, () if marked else (UNMARKED,))
        if answer is None:
            return Score(0, of, (UNMARKED,))
        return Score(sum(any(_mentions(answer, alias) for alias in each) for each in self.aliases), of)


def _mentions(story: str, alias: str) -> bool:
    """Whether the alias stands in the story as whole words; one without any letter or digit, as it is."""
    words = _spaced(alias)
    return words in _spaced(story) if words.strip() else bool(alias.strip()) and alias.strip() in story


def _spaced(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return f" {' '.join(_WORDS.findall(folded))} "


def recognises(row: Row) -> bool:
    return {"questions", "answers", "topic"} <= row.keys()


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    rule = rule_of(options)
    for index, line in enumerate(lines):
        row = line.parse(StoryRow)
        if len(row.answers) != len(row.questions) or not all(row.answers):
            raise line.error("field 'answers': needs at least one alias for each of the questions")
        key = f"trivia_{len(row.questions)}/{index}"
        task = _TASK.format(topic=row.topic, n=len(row.questions), questions=" ".join(row.questions))
        problem = Problem(key, (Message("user", task),), kind="text", meta={"answer_format": "passage"})
        reference = Reference(rule=Mentions(row.answers, rule))
        yield Case(problem, reference, "writing", "trivia", split_of(key), part_of(key))


READER = Reader(
    "trivia",
    "Trivia Creative Writing: questions to be answered within a story; scored by the question",
    recognises,
    cases,
    frozenset({"rule"}),
)
