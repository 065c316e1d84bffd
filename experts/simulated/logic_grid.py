"""Small logic grids: the clues are read one by one, and all arrangements tried against them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from itertools import permutations, product
from operator import and_

from orchestrator.types import Kind

from .family import Worked
from .logic_clues import Clue, Item, Puzzle, Relation, puzzle
from .numbers import equal
from .options import options

Arrangement = tuple[tuple[int, ...], ...]
"""For each list after the people, and then for the places, whom each of its things belongs to."""


@cache
def _arrangements(people: int, columns: int) -> tuple[Arrangement, ...]:
    return tuple(product(permutations(range(people)), repeat=columns))


@cache
def _allowed(people: int, columns: int, relation: Relation, one: Item, other: Item) -> int:
    """The arrangements in which a relation holds, a bit each."""
    bits = 0
    for i, arrangement in enumerate(_arrangements(people, columns)):
        if _holds(arrangement, relation, one, other):
            bits |= 1 << i
    return bits


def _holds(arrangement: Arrangement, relation: Relation, one: Item, other: Item) -> bool:
    if relation == "same":
        return _whose(arrangement, one) == _whose(arrangement, other)
    gap = _place(arrangement, other) - _place(arrangement, one)
    match relation:
        case "before":
            return gap > 0
        case "right before":
            return gap == 1
    return abs(gap) == 1


def _whose(arrangement: Arrangement, item: Item) -> int:
    which, thing = item
    return thing if which == 0 else arrangement[which - 1 if which > 0 else -1][thing]


def _place(arrangement: Arrangement, item: Item) -> int:
    return arrangement[-1].index(_whose(arrangement, item))


@dataclass(frozen=True)
class LogicGrid:
    """A grid, and the options if the question has any."""

    puzzle: Puzzle
    options: Mapping[str, str]

    @property
    def kind(self) -> Kind:
        return "choice" if self.options else "number" if self.puzzle.wanted < 0 else "text"

    @property
    def skills(self) -> tuple[str, ...]:
        return ("logic", "ordering") if self.puzzle.places else ("logic", "matching")

    @property
    def difficulty(self) -> float:
        return min(0.9, 0.25 + 0.03 * len(self.puzzle.clues) + 0.12 * (self._people - 3) + 0.05 * (self._columns - 1))

    def solve(self, slip: random.Random | None = None) -> Worked:
        if slip is None:
            return self._told(range(len(self.puzzle.clues)), self._solution)
        read, arrangement = self._misread(slip)
        return self._told(read, arrangement)

    def right(self, answer: str) -> bool:
        right = self.solve().answer
        return equal(answer, right) if self.kind == "number" else answer.strip().casefold() == right.casefold()

    def observations(self) -> tuple[str, ...]:
        order = sorted(range(len(self.puzzle.clues)), key=lambda i: self._masks[i].bit_count())
        told = self.puzzle.clues
        first, second = order[0], order[1 % len(order)]
        pair = (self._masks[first] & self._masks[second]).bit_count()
        return (
            f"Clue {first + 1} rules out the most on its own: {_plain(told[first].text)}",
            f"Clues {first + 1} and {second + 1} together leave {pair} of {self._total} arrangements.",
            *self._links(),
            f"The question is about {self.puzzle.called(self.puzzle.asked)}, so clues that name it come early.",
            f"With {self._people} people, whatever is ruled out for {self._people - 1} of them goes to the last one.",
            "Each thing belongs to exactly one person, so a match rules out the rest of its row and column.",
            f"Of the {len(told)} clues, {sum(clue.negated for clue in told)} only say what is not so.",
            "All clues together leave one arrangement.",
        )

    # -- the search -----------------------------------------------------------------------

    @property
    def _people(self) -> int:
        return len(self.puzzle.lists[0])

    @property
    def _columns(self) -> int:
        return len(self.puzzle.lists) - 1 + self.puzzle.places

    @property
    def _total(self) -> int:
        return len(_arrangements(self._people, self._columns))

    @cached_property
    def _masks(self) -> tuple[int, ...]:
        return tuple(map(self._mask, self.puzzle.clues))

    def _mask(self, clue: Clue) -> int:
        allowed = _allowed(self._people, self._columns, clue.relation, clue.one, clue.other)
        return self._every & ~allowed if clue.negated else allowed

    @property
    def _every(self) -> int:
        return (1 << self._total) - 1

    @cached_property
    def _solution(self) -> Arrangement:
        return next(self._fitting(self._masks))

    def _fitting(self, masks: Sequence[int]) -> Iterator[Arrangement]:
        left = reduce(and_, masks, self._every)
        arrangements = _arrangements(self._people, self._columns)
        while left:
            low = left & -left
            yield arrangements[low.bit_length() - 1]
            left ^= low

    @property
    def solvable(self) -> bool:
        """Whether the clues settle the question."""
        return len({self._answer(each) for each in self._fitting(self._masks)}) == 1

    def _misread(self, rng: random.Random) -> tuple[Sequence[int], Arrangement]:
        """The clues still heeded, and an arrangement that fits them but gives another answer."""
        clues = range(len(self._masks))
        right = self._answer(self._solution)
        for lost in rng.sample(clues, len(clues)):
            read = [i for i in clues if i != lost]
            masks = [self._masks[i] for i in read]
            for heeded in rng.sample((masks, [*masks, self._every & ~self._masks[lost]]), 2):
                wrong = [each for each in self._fitting(heeded) if self._answer(each) != right]
                if wrong:
                    return read, rng.choice(wrong)
        wrong = [each for each in _arrangements(self._people, self._columns) if self._answer(each) != right]
        return [], rng.choice(wrong)

    # -- words ----------------------------------------------------------------------------

    def _answer(self, arrangement: Arrangement) -> str:
        puzzle = self.puzzle
        if puzzle.wanted < 0:
            answer = str(_place(arrangement, puzzle.asked) + 1)
        else:
            owner = _whose(arrangement, puzzle.asked)
            answer = puzzle.lists[puzzle.wanted][_thing(arrangement, puzzle.wanted, owner)]
        return next((letter for letter, text in self.options.items() if text.casefold() == answer.casefold()), answer)

    def _told(self, read: Sequence[int], arrangement: Arrangement) -> Worked:
        left, steps = self._every, []
        for i in sorted(read, key=lambda i: self._masks[i].bit_count()):
            after = left & self._masks[i]
            if after != left:
                count = after.bit_count()
                steps.append(
                    f"Clue {i + 1} ({_plain(self.puzzle.clues[i].text)[:-1]}) leaves {count} of {self._total}."
                )
            left = after
        people = (self._row(arrangement, person) for person in range(self._people))
        return Worked((*steps, f"So: {'; '.join(people)}."), self._answer(arrangement))

    def _row(self, arrangement: Arrangement, person: int) -> str:
        lists = self.puzzle.lists
        things = [lists[i][_thing(arrangement, i, person)] for i in range(1, len(lists))]
        if self.puzzle.places:
            things.append(f"number {arrangement[-1].index(person) + 1}")
        return f"{lists[0][person]} - {', '.join(things)}"

    def _links(self) -> Iterator[str]:
        """What follows about one thing from the clues that name it."""
        for clue in self.puzzle.clues:
            if clue.relation == "same" and not clue.negated and clue.one[0] != 0:
                one, other = self.puzzle.called(clue.one), self.puzzle.called(clue.other)
                yield f"{one[:1].upper()}{one[1:]} and {other} go together, so what holds for one holds for the other."
            elif clue.relation in ("before", "right before"):
                yield f"{self.puzzle.called(clue.other).capitalize()} cannot be number 1, as somebody comes before."


def _thing(arrangement: Arrangement, which: int, person: int) -> int:
    return person if which == 0 else arrangement[which - 1].index(person)


def _plain(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


class LogicGrids:
    """Grids of three or four people, with clues in plain sentences."""

    name = "logic grids"

    def read(self, text: str) -> LogicGrid | None:
        found = puzzle(text)
        if found is None:
            return None
        after = text[text.rfind(found.question) + len(found.question) :]
        grid = LogicGrid(found, options(after))
        return grid if grid.solvable else None
