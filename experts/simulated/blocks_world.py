"""Blocks on a table: what stands where, what a plan does to it, and a plan that builds the towers asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

TABLE = "the table"

Pair: TypeAlias = tuple[str, str]
"""A block, and what is directly below it."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the hand does, by the names that plans use: `pick-up`, `put-down`, `stack`, `unstack`."""

    name: str
    block: str
    other: str = ""

    def __str__(self) -> str:
        return f"({' '.join(filter(None, (self.name, self.block, self.other)))})"


@dataclass(frozen=True, slots=True)
class Move:
    """A block goes from a place to another; from the hand where `source` is empty."""

    block: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Blocks:
    """A world and a goal."""

    start: tuple[Pair, ...]
    """Every block but the one in the hand."""
    goal: tuple[Pair, ...]
    free: frozenset[str] = frozenset()
    """Blocks on which nothing may stand in the end."""
    held: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({block for block, _ in self.start} | ({self.held} if self.held else set())))

    @property
    def is_sound(self) -> bool:
        """Whether the blocks can stand so, and can come to stand as the goal says."""
        names = set(self.names)
        within = all({block, under} <= names | {TABLE} for block, under in self.goal) and self.free <= names
        clash = any(under in self.free for _, under in self.goal)
        return (
            within
            and not clash
            and self.held not in dict(self.start)
            and bool(self.goal or self.free)
            and _stands(self.start, names)
            and _stands(self.goal, names)
        )

    def below(self, block: str) -> str:
        return dict(self.start).get(block, "")

    def is_clear(self, block: str) -> bool:
        return block != self.held and all(under != block for _, under in self.start)

    def above(self, block: str) -> list[str]:
        """What is on a block, the topmost first."""
        upon = {under: name for name, under in self.start if under != TABLE}
        found: list[str] = []
        while block in upon:
            block = upon[block]
            found.insert(0, block)
        return found


def _stands(pairs: Sequence[Pair], names: set[str]) -> bool:
    """No block in two places, none under two, no circle, nothing on what is not there."""
    below = dict(pairs)
    supports = [under for _, under in pairs if under != TABLE]
    if len(below) != len(pairs) or len(set(supports)) != len(supports) or not set(supports) <= names:
        return False
    for block in below:
        seen = {block}
        while (block := below.get(block, TABLE)) != TABLE:
            if block in seen:
                return False
            seen.add(block)
    return True


class _World:
    """A state that actions change."""

    def __init__(self, blocks: Blocks) -> None:
        self.below = dict(blocks.start)
        self.held = blocks.held

    def is_clear(self, block: str) -> bool:
        return block in self.below and block not in self.below.values()

    def carry_out(self, action: Action) -> bool:
        """Whether the action applies; then it is done."""
        block, other = action.block, action.other
        match action.name:
            case "pick-up" | "unstack" if not self.held and self.is_clear(block):
                if self.below[block] != (other if action.name == "unstack" else TABLE):
                    return False
                del self.below[block]
                self.held = block
            case "put-down" | "stack" if block and self.held == block:
                if action.name == "stack" and not self.is_clear(other):
                    return False
                self.below[block] = other if action.name == "stack" else TABLE
                self.held = ""
            case _:
                return False
        return True

    def satisfies(self, blocks: Blocks) -> bool:
        return all(self.below.get(block) == under for block, under in blocks.goal) and all(
            map(self.is_clear, blocks.free)
        )


def reaches(blocks: Blocks, plan: Sequence[Action]) -> bool:
    """Whether every action of a plan applies and the goal holds in the end."""
    world = _World(blocks)
    return all(map(world.carry_out, plan)) and world.satisfies(blocks)


def actions(plan: Sequence[Move]) -> list[Action]:
    found = []
    for move in plan:
        if move.source:
            lifted = (
                Action("pick-up", move.block) if move.source == TABLE else Action("unstack", move.block, move.source)
            )
            found.append(lifted)
        down = Action("put-down", move.block) if move.target == TABLE else Action("stack", move.block, move.target)
        found.append(down)
    return found


def moves(blocks: Blocks) -> list[Move]:
    """A plan: what can go where it is to stay goes there, else what is in the way goes to the table."""
    return list(_moves(blocks))


@lru_cache(maxsize=1024)
def _moves(blocks: Blocks) -> tuple[Move, ...]:
    world, goal, plan = _World(blocks), dict(blocks.goal), []
    while not world.satisfies(blocks):
        move = _next(world, goal, blocks)
        for action in actions([move]):
            world.carry_out(action)
        plan.append(move)
    return tuple(plan)


def _next(world: _World, goal: dict[str, str], blocks: Blocks) -> Move:
    candidates = [world.held] if world.held else sorted(filter(world.is_clear, world.below))
    loose = [block for block in candidates if not _settled(block, world, goal, blocks)]
    for block in loose:
        target = goal.get(block, "")
        ready = target == TABLE or (world.is_clear(target) and _settled(target, world, goal, blocks))
        if ready and target not in blocks.free:
            return Move(block, world.below.get(block, ""), target)
    block = next(block for block in loose if world.below.get(block) != TABLE)
    return Move(block, world.below.get(block, ""), TABLE)


def _settled(block: str, world: _World, goal: dict[str, str], blocks: Blocks) -> bool:
    """Whether a block, and all below it, stands where it may stay."""
    while block != TABLE:
        under = world.below.get(block)
        if under is None or goal.get(block, under) != under:
            return False
        if under in blocks.free or any(goal[other] == under != TABLE and other != block for other in goal):
            return False
        block = under
    return True
