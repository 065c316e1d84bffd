"""Blocksworld: towers are read out of the text, and built anew by a greedy planner.

Slips: a move is skipped, moves change places, the hand is not emptied, a block is picked up that stands on another, the
last block goes to the wrong place, or the goal is read the wrong way round. Each is carried out to see that it fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from orchestrator.answers.strips import steps
from orchestrator.types import Kind

from .blocks_text import read_blocks
from .blocks_world import TABLE, Action, Blocks, Move, actions, moves, reaches
from .family import Worked


@dataclass(frozen=True, slots=True)
class Blocksworld:
    """Blocks as they stand, and how some of them are to stand."""

    blocks: Blocks

    kind: Kind = "plan"
    skills: tuple[str, ...] = ("planning", "spatial reasoning")

    @property
    def difficulty(self) -> float:
        """By the number of moves."""
        return min(1.0, 0.1 + 0.12 * len(moves(self.blocks)))

    def solve(self, slip: random.Random | None = None) -> Worked:
        plan = moves(self.blocks)
        if slip is not None:
            return _worked(_slipped(self.blocks, slip))
        if not plan:
            return _worked(
                _there_and_back(self.blocks), "All stands as asked already; moving one block off and back keeps it."
            )
        return _worked(actions(plan))

    def right(self, answer: str) -> bool:
        return reaches(self.blocks, [Action(step[0], *step[1:]) for step in map(_padded, steps(answer)) if step])

    def observations(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*_obstacles(self.blocks), *_order(self.blocks), *_counts(self.blocks))))


def _padded(step: tuple[str, ...]) -> tuple[str, ...]:
    """A step with as many names as an action can have; none at all where it has too many."""
    return step if 2 <= len(step) <= 3 else ("unknown", "")


def _worked(plan: Sequence[Action], remark: str = "") -> Worked:
    return Worked(tuple(filter(None, (remark, *_told(plan)))), "\n".join(map(str, plan)))


def _told(plan: Sequence[Action]) -> Iterator[str]:
    for action in plan:
        match action:
            case Action("unstack", block, other):
                yield f"The hand lifts {block} off {other}."
            case Action("pick-up", block):
                yield f"The hand lifts {block} from the table."
            case Action("put-down", block):
                yield f"It sets {block} down on the table, where it is out of the way."
            case Action(_, block, other):
                yield f"It sets {block} onto {other}."


def _there_and_back(blocks: Blocks) -> list[Action]:
    """Two actions that leave everything as it was."""
    block = next(b for b in blocks.names if blocks.is_clear(b))
    other = blocks.below(block)
    if other == TABLE:
        return [Action("pick-up", block), Action("put-down", block)]
    return [Action("unstack", block, other), Action("stack", block, other)]


def _slipped(blocks: Blocks, slip: random.Random) -> list[Action]:
    """A plan with one mistake, of a sort and at a place that chance chooses."""
    plan = moves(blocks)
    if not plan:
        return _spoilt(blocks, slip)
    sorts: list[Callable[[Blocks, list[Move]], Iterator[list[Action]]]] = [
        _skipped, _out_of_order, _hand_full, _lifted_wrongly, _misread, _misplaced,
    ]  # fmt: skip
    slip.shuffle(sorts)
    for sort in sorts:
        wrong = [found for found in sort(blocks, plan) if found and not reaches(blocks, found)]
        if wrong:
            return slip.choice(wrong)
    return actions(plan[:-1]) or actions(plan)[:1]


def _spoilt(blocks: Blocks, slip: random.Random) -> list[Action]:
    """What breaks a goal that holds already."""
    wanted = slip.choice([*blocks.goal, *((block, TABLE) for block in sorted(blocks.free))])
    if wanted[1] == TABLE:
        return [Action("pick-up", wanted[0])]
    return [Action("unstack", *wanted), Action("put-down", wanted[0])]


def _skipped(blocks: Blocks, plan: list[Move]) -> Iterator[list[Action]]:
    """A move is missing, so what it makes room for cannot be done, or the last is not."""
    for i in range(len(plan)):
        yield actions([*plan[:i], *plan[i + 1 :]])


def _out_of_order(blocks: Blocks, plan: list[Move]) -> Iterator[list[Action]]:
    for i in range(len(plan) - 1):
        yield actions([*plan[:i], plan[i + 1], plan[i], *plan[i + 2 :]])


def _hand_full(blocks: Blocks, plan: list[Move]) -> Iterator[list[Action]]:
    """A block is never put down before the next is taken."""
    whole = actions(plan)
    for i, action in enumerate(whole[:-1]):
        if action.name == "put-down":
            yield [*whole[:i], *whole[i + 1 :]]


def _lifted_wrongly(blocks: Blocks, plan: list[Move]) -> Iterator[list[Action]]:
    """A block on another is picked up as if it stood on the table, or the other way round."""
    whole = actions(plan)
    for i, action in enumerate(whole):
        if action.name == "unstack":
            yield [*whole[:i], Action("pick-up", action.block), *whole[i + 1 :]]


def _misread(blocks: Blocks, plan: list[Move]) -> Iterator[list[Action]]:
    """A good plan for a goal in which a pair, or all, stands the wrong way round."""
    pairs = [pair for pair in blocks.goal if pair[1] != TABLE]
    for turned in ({pair} for pair in pairs):
        yield _planned(blocks, tuple((b, a) if (a, b) in turned else (a, b) for a, b in blocks.goal))
    yield _planned(blocks, tuple((a, b) if b == TABLE else (b, a) for a, b in blocks.goal))


def _planned(blocks: Blocks, goal: tuple[tuple[str, str], ...]) -> list[Action]:
    other = replace(blocks, goal=goal)
    return actions(moves(other)) if other.is_sound else []


def _misplaced(blocks: Blocks, plan: list[Move]) -> Iterator[list[Action]]:
    """The last block goes to the wrong place."""
    *before, last = plan
    for name in (*blocks.names, TABLE):
        if name not in (last.block, last.target, last.source):
            yield actions([*before, replace(last, target=name)])


def _obstacles(blocks: Blocks) -> Iterator[str]:
    for block, under in blocks.goal:
        for name in dict.fromkeys((block, under)):
            above = blocks.above(name) if name != TABLE else []
            if above:
                yield f"{_cap(name)} cannot be used before {' and '.join(above)} left it."
    for block, under in blocks.goal:
        if blocks.below(block) == under:
            yield f"{_cap(block)} has {under} beneath it as asked, though what carries them may still be wrong."


def _order(blocks: Blocks) -> Iterator[str]:
    goal = dict(blocks.goal)
    for block, under in blocks.goal:
        if under in goal:
            yield f"Settle {under} before {block}: {block} rests upon it afterwards."
        elif under != TABLE:
            yield f"{_cap(under)} is the foot of a new tower: nothing is asked about what carries it."
    tops = [block for block in goal if block not in goal.values()]
    yield (
        f"{_cap(' and '.join(tops))} comes last." if len(tops) == 1 else f"{_cap(' and '.join(tops))} are the new tops."
    )


def _counts(blocks: Blocks) -> Iterator[str]:
    plan = moves(blocks)
    clear = [name for name in blocks.names if blocks.is_clear(name)]
    based = [name for name in blocks.names if blocks.below(name) == TABLE]
    if len(clear) < len(blocks.names):
        yield f"Only {' and '.join(clear)} can be taken at once; all others have something above them."
    else:
        yield "Every block can be taken at once."
    stand = "stands" if len(based) == 1 else "stand"
    yield f"{_cap(' and '.join(based))} {stand} lowest, of {len(blocks.names)} blocks."
    enough = "1 move is enough" if len(plan) == 1 else f"{len(plan)} moves are enough"
    yield f"{enough}, that is {2 * len(plan)} actions: each move lifts a block and sets it down."
    first = [move.block for move in plan][:1]
    if first:
        yield f"{_cap(first[0])} can be the first to move."
    yield "The hand has to be emptied after every lift before it can take something else."
    held = sum(blocks.below(block) == under for block, under in blocks.goal)
    yield f"{held} of the {len(blocks.goal)} relations asked for hold already."
    idle = [name for name in blocks.names if name not in {block for pair in blocks.goal for block in pair}]
    if idle:
        yield f"No place is prescribed for {' and '.join(idle)}."


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class BlocksworldFamily:
    """Blocks on a table, a hand that moves one at a time, and towers to be built."""

    name: str = "blocksworld"

    def read(self, text: str) -> Blocksworld | None:
        """The last such problem in the text."""
        return _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> Blocksworld | None:
    blocks = read_blocks(text)
    return Blocksworld(blocks) if blocks else None


FAMILY = BlocksworldFamily()
