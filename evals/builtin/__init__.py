"""Sets that are made up on the spot: one module a set, each a stream of problems drawn by a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from orchestrator.types import Json


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A set without an end, of which a fixed number is taken."""

    about: str
    size: int = 100
    """Problems in it, unless a limit says otherwise."""


SETS: Mapping[str, MadeUp] = {
    "word_problems": MadeUp("arithmetic told as stories, in two to five steps; ends in a number"),
    "game24": MadeUp("four numbers from which 24 is to be made"),
    "blocksworld": MadeUp("towers of blocks to be rebuilt; ends in a plan"),
    "logic_grid": MadeUp("three or four people, what each has, and clues that settle it; ends in a choice or a number"),
    "choice": MadeUp("multiple choice from equations and units to the calendar, sets and chances"),
    "code": MadeUp("small Python functions, with tests of which two are shown", 60),
    "mini": MadeUp("a few of each of the others, in turn", 48),
}
"""By name: each is the module of that name, with `rows(seed)`."""

SEED = 3
"""Of the sets as they are named without one; its problems are about as hard as those of most seeds."""


def rows(name: str, seed: int = SEED) -> Iterator[dict[str, Json]]:
    """The problems of a set in the format for sets of one's own, as many as wanted, the same for the same seed."""
    made: Iterator[dict[str, Json]] = import_module(f".{name}", __package__).rows(seed)
    return made
