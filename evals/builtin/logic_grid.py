"""Small logic grids: three or four people, two or three things about each, and clues that leave one arrangement.

A grid is drawn first; true clues about it are drawn until no other grid fits, then those that are not needed go.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import permutations, product
from operator import and_
from typing import Literal

from orchestrator.types import Json

_NAMES = (
    "Anna Ben Clara David Emil Frieda Goran Hana Ivan Jana Karim Lena Mateo Nora Omar Priya Rosa Samir Tessa Uma "
    "Victor Wanda Yusuf Zoe"
)


@dataclass(frozen=True)
class _Theme:
    """One thing about each person, with the ways to speak of it."""

    values: tuple[str, ...]
    has: tuple[str, ...]
    """`Anna {has}`."""
    hasnt: tuple[str, ...]
    who: tuple[str, ...]
    """The person, told by the thing."""
    intro: str
    asked: tuple[str, ...]


def _theme(values: str, has: str, hasnt: str, who: str, intro: str, asked: str) -> _Theme:
    def ways(text: str) -> tuple[str, ...]:
        return tuple(text.split("|"))

    return _Theme(ways(values), ways(has), ways(hasnt), ways(who), intro, ways(asked))


_THEMES = (
    _theme(
        "cat|dog|parrot|rabbit|hamster|goldfish|tortoise",
        "owns the {}|keeps the {}|has the {}",
        "does not own the {}|does not have the {}",
        "the owner of the {}|the person with the {}",
        "owns a different pet",
        "Who owns the {}?|Whose pet is the {}?",
    ),
    _theme(
        "tea|coffee|milk|cocoa|lemonade|water|juice",
        "drinks {}|always orders {}",
        "does not drink {}|never drinks {}",
        "the person who drinks {}|the one who likes {}",
        "likes a different drink",
        "Who drinks {}?|Who likes {}?",
    ),
    _theme(
        "baker|teacher|doctor|painter|farmer|tailor|pilot",
        "works as the {}|is the {}",
        "is not the {}|does not work as the {}",
        "the {}",
        "has a different job",
        "Who is the {}?|Who works as the {}?",
    ),
    _theme(
        "flute|violin|drum|harp|cello|guitar|trumpet",
        "plays the {}|is the one who plays the {}",
        "does not play the {}|never touches the {}",
        "the person who plays the {}|the one with the {}",
        "plays a different instrument",
        "Who plays the {}?",
    ),
    _theme(
        "red|blue|green|yellow|white|purple|orange",
        "wears the {} scarf|has the {} scarf",
        "does not wear the {} scarf|is not in the {} scarf",
        "the person in the {} scarf|whoever wears the {} scarf",
        "wears a scarf of a different colour",
        "Who wears the {} scarf?",
    ),
)
_PLACES = ("house", "seat", "place")
_NUMBERED = {
    "house": "They live in houses numbered 1 to {n} from left to right.",
    "seat": "They sit in a row, in seats numbered 1 to {n} from left to right.",
    "place": "They finished a race in places 1 to {n}.",
}
_AT = {"house": "lives in house {}", "seat": "sits in seat {}", "place": "finished in place {}"}
_NOT_AT = {
    "house": "does not live in house {}",
    "seat": "does not sit in seat {}",
    "place": "did not finish in place {}",
}
_ORDER = {
    "before": {
        "house": ("{0} lives somewhere to the left of {1}", "{1} lives somewhere to the right of {0}"),
        "seat": ("{0} sits somewhere to the left of {1}", "{1} sits further right than {0}"),
        "place": ("{0} finished before {1}", "{1} finished later than {0}"),
    },
    "right before": {
        "house": ("{0} lives directly to the left of {1}", "{1} lives immediately to the right of {0}"),
        "seat": ("{0} sits directly to the left of {1}", "{1} sits immediately to the right of {0}"),
        "place": ("{0} finished directly before {1}", "{1} finished immediately after {0}"),
    },
    "next": {
        "house": ("{0} and {1} live next to each other", "{1} lives next door to {0}"),
        "seat": ("{0} and {1} sit next to each other", "{1} has the seat beside {0}"),
        "place": ("{0} and {1} finished right next to each other", "{1} and {0} finished in adjacent places"),
    },
}

Grid = tuple[tuple[int, ...], ...]
"""For each theme, and then for the places, the person that each value belongs to."""
Item = tuple[int, int]
"""A theme and one of its values; theme -1 is the people themselves."""
Relation = Literal["same", "other", "at", "not", "before", "right before", "next"]


@dataclass(frozen=True)
class _Clue:
    text: str
    fitting: int
    """The grids that it leaves, a bit each."""


@cache
def _grids(people: int, columns: int) -> tuple[Grid, ...]:
    return tuple(product(permutations(range(people)), repeat=columns))


@cache
def _fitting(people: int, columns: int, relation: Relation, item: Item, other: Item) -> int:
    """The grids in which a relation holds between two items, a bit each; `at` and `not` have the place in `other`."""
    bits = (_holds(grid, relation, item, other) for grid in _grids(people, columns))
    return sum(1 << i for i, holds in enumerate(bits) if holds)


def _holds(grid: Grid, relation: Relation, item: Item, other: Item) -> bool:
    match relation:
        case "same":
            return _owner(grid, item) == _owner(grid, other)
        case "other":
            return _owner(grid, item) != _owner(grid, other)
        case "at":
            return _where(grid, item) == other[1]
        case "not":
            return _where(grid, item) != other[1]
        case "before":
            return _where(grid, item) < _where(grid, other)
        case "right before":
            return _where(grid, other) - _where(grid, item) == 1
    return abs(_where(grid, other) - _where(grid, item)) == 1


@dataclass(frozen=True)
class _Setting:
    people: tuple[str, ...]
    themes: tuple[_Theme, ...]
    values: tuple[tuple[str, ...], ...]
    place: str | None

    @property
    def grids(self) -> tuple[Grid, ...]:
        return _grids(len(self.people), self._columns)

    @property
    def _columns(self) -> int:
        return len(self.themes) + (self.place is not None)

    def clue(self, text: str, relation: Relation, item: Item, other: Item) -> _Clue:
        return _Clue(f"{_capital(text)}.", _fitting(len(self.people), self._columns, relation, item, other))

    def called(self, item: Item, rng: random.Random) -> str:
        theme, value = item
        return self.people[value] if theme < 0 else rng.choice(self.themes[theme].who).format(self.values[theme][value])


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many problems as wanted, the same for the same seed."""
    rng = random.Random(f"logic_grid:{seed}")
    number = 0
    while True:
        yield {"id": f"logic_grid/{seed}-{number}", **_row(rng)}
        number += 1


def _row(rng: random.Random) -> dict[str, Json]:
    setting = _setting(rng)
    truth = rng.choice(setting.grids)
    clues = _enough(setting, truth, rng)
    listed = "\n".join(f"{i}. {clue.text}" for i, clue in enumerate(clues, 1))
    told = {clue.text for clue in clues}
    row = (_by_place if setting.place and rng.random() < 0.5 else _by_name)(setting, truth, told, rng)
    question = f"{_intro(setting, rng)}\n\nClues:\n{listed}\n\n{row['question']}"
    return {**row, "question": question, "category": f"{len(setting.people)} people"}


def _setting(rng: random.Random) -> _Setting:
    people, things = rng.choice(((3, 2), (3, 2), (4, 1), (4, 2)))
    place = rng.choice(_PLACES) if things == 1 or rng.random() < 0.5 else None
    if people == 4 and things == 2:
        place = None  # three orders of four make too many grids
    themes = tuple(rng.sample(_THEMES, things))
    values = tuple(tuple(rng.sample(theme.values, people)) for theme in themes)
    return _Setting(tuple(rng.sample(_NAMES.split(), people)), themes, values, place)


def _intro(setting: _Setting, rng: random.Random) -> str:
    count = {3: "Three", 4: "Four"}[len(setting.people)]
    who = rng.choice(("friends", "neighbours", "colleagues", "cousins"))
    people = _listed(setting.people)
    text = [rng.choice((f"{count} {who} are called {people}.", f"{people} are {count.lower()} {who}."))]
    if setting.place:
        text.append(_NUMBERED[setting.place].format(n=len(setting.people)))
    for theme, values in zip(setting.themes, setting.values, strict=True):
        shuffled = rng.sample(values, len(values))
        text.append(f"Each {theme.intro}: {_listed(shuffled)}.")
    return " ".join(text)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _enough(setting: _Setting, truth: Grid, rng: random.Random) -> list[_Clue]:
    """True clues that leave the one grid, none of them for nothing."""
    clues: list[_Clue] = []
    every = left = (1 << len(setting.grids)) - 1
    while left.bit_count() > 1:
        clue = _clue(setting, truth, rng)
        if left & clue.fitting != left:
            clues.append(clue)
            left &= clue.fitting
    for clue in list(clues):
        others = [c for c in clues if c is not clue]
        if reduce(and_, (c.fitting for c in others), every).bit_count() == 1:
            clues = others
    return clues


def _clue(setting: _Setting, truth: Grid, rng: random.Random) -> _Clue:
    if setting.place and rng.random() < 0.5:
        return _place_clue(setting, truth, rng)
    one, other = _two_items(setting, rng)
    return _same_clue(setting, truth, one, other, rng)


def _two_items(setting: _Setting, rng: random.Random) -> tuple[Item, Item]:
    """Two items of different sorts; the second one is never a person."""
    second = rng.randrange(len(setting.themes))
    first = rng.choice([theme for theme in range(-1, len(setting.themes)) if theme != second])
    people = len(setting.people)
    return (first, rng.randrange(people)), (second, rng.randrange(people))


def _owner(grid: Grid, item: Item) -> int:
    theme, value = item
    return value if theme < 0 else grid[theme][value]


def _same_clue(setting: _Setting, truth: Grid, one: Item, other: Item, rng: random.Random) -> _Clue:
    theme, value = setting.themes[other[0]], setting.values[other[0]][other[1]]
    same = _owner(truth, one) == _owner(truth, other)
    text = f"{setting.called(one, rng)} {rng.choice(theme.has if same else theme.hasnt).format(value)}"
    return setting.clue(text, "same" if same else "other", one, other)


def _place_clue(setting: _Setting, truth: Grid, rng: random.Random) -> _Clue:
    place = setting.place or ""
    item = _any_item(setting, rng)
    kind: Relation = rng.choice(("at", "not", "not", "before", "right before", "next", "next"))
    if kind in ("at", "not"):
        number = _where(truth, item) if kind == "at" else rng.choice(_elsewhere(truth, item, len(setting.people)))
        form = (_AT if kind == "at" else _NOT_AT)[place]
        return setting.clue(f"{setting.called(item, rng)} {form.format(number + 1)}", kind, item, (0, number))
    other = _any_item(setting, rng)
    gap = _where(truth, other) - _where(truth, item)
    if gap == 0:
        return _place_clue(setting, truth, rng)
    if gap < 0:
        item, other = other, item
    kind = kind if abs(gap) == 1 else "before"
    one, two = setting.called(item, rng), setting.called(other, rng)
    return setting.clue(rng.choice(_ORDER[kind][place]).format(one, two), kind, item, other)


def _any_item(setting: _Setting, rng: random.Random) -> Item:
    return rng.randrange(-1, len(setting.themes)), rng.randrange(len(setting.people))


def _where(grid: Grid, item: Item) -> int:
    """The place, from 0, of whom an item belongs to."""
    return grid[-1].index(_owner(grid, item))


def _elsewhere(grid: Grid, item: Item, count: int) -> list[int]:
    return [place for place in range(count) if place != _where(grid, item)]


def _by_name(setting: _Setting, truth: Grid, told: Collection[str], rng: random.Random) -> dict[str, Json]:
    """Whose something is; a thing that a clue gives away is asked for only where nothing else is left."""
    things = [(t, v) for t in range(len(setting.themes)) for v in range(len(setting.people))]

    def given(theme: int, value: int) -> bool:
        owner, word = setting.people[truth[theme][value]], setting.values[theme][value]
        return any(f"{owner} {has.format(word)}." in told for has in setting.themes[theme].has)

    theme, value = rng.choice([thing for thing in things if not given(*thing)] or things)
    options = rng.sample(setting.people, len(setting.people))
    question = rng.choice(setting.themes[theme].asked).format(setting.values[theme][value])
    letter = "ABCD"[options.index(setting.people[truth[theme][value]])]
    return {"kind": "choice", "question": question, "options": list(options), "answer": letter}


def _by_place(setting: _Setting, truth: Grid, told: Collection[str], rng: random.Random) -> dict[str, Json]:
    """Where somebody is, with the same care."""
    place = setting.place or ""
    items = [(t, v) for t in range(-1, len(setting.themes)) for v in range(len(setting.people))]

    def given(item: Item) -> bool:
        theme, value = item
        at = _AT[place].format(_where(truth, item) + 1)
        if theme < 0:
            return f"{setting.people[value]} {at}." in told
        return any(
            _capital(f"{who.format(setting.values[theme][value])} {at}.") in told for who in setting.themes[theme].who
        )

    item = rng.choice([item for item in items if not given(item)] or items)
    forms = {
        "house": "In which house does {} live? Give its number.",
        "seat": "In which seat does {} sit? Give its number.",
        "place": "In which place did {} finish? Give its number.",
    }
    return {
        "kind": "number",
        "question": forms[place].format(setting.called(item, rng)),
        "answer": str(_where(truth, item) + 1),
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
