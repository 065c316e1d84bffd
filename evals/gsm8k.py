"""GSM8K: `question` and a worked `answer` that ends in "#### N" (Cobbe et al., 2021; MIT).

Ids are `gsm8k/I`, I the item's position in the file from 0. The worked solution goes to the reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.types import Message, Problem

from .case import Case, Reference, part_of, split_of
from .rows import Line, Options, Reader, Row

_MARK = "####"


class WordProblem(BaseModel):
    model_config = ConfigDict(frozen=True)

    question: str = Field(min_length=1)
    answer: str | None = None


def recognises(row: Row) -> bool:
    return "question" in row and "kind" not in row and _MARK in str(row.get("answer", ""))


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    for index, line in enumerate(lines):
        row = line.parse(WordProblem)
        key = f"gsm8k/{index}"
        problem = Problem(key, (Message("user", row.question),), kind="number")
        yield Case(problem, _reference(row.answer, line), "math", "grade-school", split_of(key), part_of(key))


def _reference(answer: str | None, line: Line) -> Reference:
    if answer is None:
        return Reference()
    rationale, mark, number = answer.rpartition(_MARK)
    if not mark or not number.strip():
        raise line.error(f"field 'answer': it does not end in '{_MARK} NUMBER'")
    return Reference(number.strip().replace(",", ""), meta={"rationale": rationale.strip()})


READER = Reader("gsm8k", "GSM8K's question and worked answer ending in '#### N'", recognises, cases)
