"""Logic Grid Puzzle (BIG-bench; as in Z. Wang et al., 2024): clues about houses in a row, and which one is asked for.

Fields: `inputs` (ends in "A:", which is taken off), `targets` (one number), `multiple_choice_targets`. Ids are
`logic_grid_puzzle/I`, I the row's position in the file from 0.

`rule=published` wants the number, or its ordinal in words, to be a part of the reply and none of the other numbers from
1 to 10: a right answer that mentions another house is wrong, 10 can only be met in words, and 1 is met by 11.
`rule=strict`, the default, reads the one number that the reply ends in, as in every set whose answers are numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.types import Message, Problem

from .case import Case, Reference, part_of, split_of
from .rows import Line, Options, Reader, Row
from .scoring import UNMARKED, Score, published_output, rule_of

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_NAMES = {str(number): (str(number), ordinal) for number, ordinal in enumerate(_ORDINALS, 1)}
"""How the published rule knows each number."""
_CUE = "\nA:"


class PuzzleRow(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    inputs: str = Field(min_length=1)
    targets: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class OnlyNumber:
    """The published rule."""

    target: str

    def __call__(self, answer: str | None, text: str | None) -> Score:
        output, marked = published_output(answer, text)
        said = output.lower()
        named = any(name in said for name in _NAMES.get(self.target, (self.target,)))
        others = (name for number, names in _NAMES.items() if number != self.target for name in names)
        return Score(float(named and not any(name in said for name in others)), 1.0, () if marked else (UNMARKED,))


def recognises(row: Row) -> bool:
    return {"inputs", "targets", "multiple_choice_targets"} <= row.keys()


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    published = rule_of(options) == "published"
    for index, line in enumerate(lines):
        row = line.parse(PuzzleRow)
        target = row.targets[0].strip()
        if not target.isdecimal():
            raise line.error(f"field 'targets': {target!r} is not the number of a house")
        key = f"logic_grid_puzzle/{index}"
        problem = Problem(key, (Message("user", row.inputs.replace(_CUE, "").strip()),), kind="number")
        reference = Reference(target, rule=OnlyNumber(target) if published else None)
        yield Case(problem, reference, "logic", "houses", split_of(key), part_of(key))


READER = Reader(
    "logic_grid_puzzle", "BIG-bench's puzzles about houses in a row", recognises, cases, frozenset({"rule"})
)
