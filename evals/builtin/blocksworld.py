"""Blocksworld: three to six blocks, told in several ways, with the domain and the instance in PDDL for the checker.

Start and goal are drawn as towers; a goal keeps some of its relations only, so most have many plans.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise
from typing import TypeAlias

from orchestrator.types import Json

Tower: TypeAlias = list[str]
"""Blocks from the lowest up."""
Pair: TypeAlias = tuple[str, str]
"""A block, and the block directly below it."""

DOMAIN = """\
(define (domain blocks)
  (:requirements :strips)
  (:predicates (on ?x ?y) (ontable ?x) (clear ?x) (holding ?x) (handempty))
  (:action pick-up
    :parameters (?x)
    :precondition (and (ontable ?x) (clear ?x) (handempty))
    :effect (and (holding ?x) (not (ontable ?x)) (not (clear ?x)) (not (handempty))))
  (:action put-down
    :parameters (?x)
    :precondition (holding ?x)
    :effect (and (ontable ?x) (clear ?x) (handempty) (not (holding ?x))))
  (:action stack
    :parameters (?x ?y)
    :precondition (and (holding ?x) (clear ?y))
    :effect (and (on ?x ?y) (clear ?x) (handempty) (not (holding ?x)) (not (clear ?y))))
  (:action unstack
    :parameters (?x ?y)
    :precondition (and (on ?x ?y) (clear ?x) (handempty))
    :effect (and (holding ?x) (clear ?y) (not (on ?x ?y)) (not (clear ?x)) (not (handempty)))))
"""

_NAMES = (
    ("red", "blue", "orange", "yellow", "white", "green", "black", "violet"),
    ("oak", "brass", "marble", "cork", "slate", "glass", "pine", "copper"),
    ("A", "B", "C", "D", "E", "F"),
    ("P", "Q", "R", "S", "T", "U"),
)
_SIZES = (3, 4, 4, 5, 5, 6)
_RULES = (
    "A robot hand rearranges blocks on a table. It can do four things:\n"
    "(pick-up x): take block x from the table\n"
    "(put-down x): set block x, which the hand holds, on the table\n"
    "(stack x y): set block x, which the hand holds, on block y\n"
    "(unstack x y): take block x off block y, directly on which it stands\n"
    "The hand holds one block at a time. Only a block with nothing on it can be taken, and only with an empty hand; "
    "nothing can be set on a block that has another on it.",
    "Blocks stand on a table, alone or in towers, and one hand moves them one by one. The hand can pick up a block "
    "from the table, put down on the table the block it has, stack that block on another block, or unstack a block "
    "from the one under it. To take a block the hand has to be empty and the block has to have nothing on top; a block "
    "can be set on another only while that one has nothing on top.",
)
_FORM = (
    "Which actions, carried out in order, bring this about? Write one action a line, in the form (pick-up x), "
    "(put-down x), (stack x y) or (unstack x y).",
    "Give a plan with one action a line, each written as (pick-up x), (put-down x), (stack x y) or (unstack x y).",
)


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many problems as wanted, the same for the same seed."""
    rng = random.Random(f"blocksworld:{seed}")
    for number, size in enumerate(cycle(_SIZES)):
        pool = rng.choice(_NAMES)
        names = rng.sample(pool, size) if len(pool) > size else list(pool)
        start, goal = _drawn(rng, names)
        yield {
            "id": f"blocksworld/{seed}-{number}",
            "kind": "plan",
            "question": _told(rng, start, goal),
            "category": f"{size} blocks",
            "meta": {"pddl_domain": DOMAIN, "pddl_instance": _instance(names, start, goal)},
        }


def _drawn(rng: random.Random, names: Sequence[str]) -> tuple[list[Tower], list[Pair]]:
    """A start, and a goal that does not hold in it."""
    while True:
        start, end = _towers(rng, names), _towers(rng, names)
        wanted = _pairs(end)
        goal = rng.sample(wanted, rng.randint((len(wanted) + 1) // 2, len(wanted)))
        if not set(goal) <= set(_pairs(start)):
            return start, goal


def _towers(rng: random.Random, names: Sequence[str]) -> list[Tower]:
    """Each block in turn begins a tower or goes on one."""
    towers: list[Tower] = []
    for name in rng.sample(list(names), len(names)):
        if not towers or rng.random() < 0.35:
            towers.append([name])
        else:
            rng.choice(towers).append(name)
    return towers


def _pairs(towers: Sequence[Tower]) -> list[Pair]:
    return [(upper, lower) for tower in towers for lower, upper in pairwise(tower)]


def _told(rng: random.Random, start: Sequence[Tower], goal: Sequence[Pair]) -> str:
    tell = rng.choice((_as_sentences, _as_lists, _as_towers))
    return f"{rng.choice(_RULES)}\n\n{tell(rng, start, goal)}\n\n{rng.choice(_FORM)}"


def _as_sentences(rng: random.Random, start: Sequence[Tower], goal: Sequence[Pair]) -> str:
    facts = [f"{_the(a)} is on {_the(b)}" for a, b in _pairs(start)] + [
        f"{_the(tower[0])} is on the table" for tower in start
    ]
    wanted = [f"{_the(a)} is on {_the(b)}" for a, b in goal]
    return f"In the beginning {_joined(rng.sample(facts, len(facts)))}. The goal is that {_joined(wanted)}."


def _as_lists(rng: random.Random, start: Sequence[Tower], goal: Sequence[Pair]) -> str:
    facts = [f"- {_the(a)} stands on {_the(b)}" for a, b in _pairs(start)] + [
        f"- {_the(tower[0])} stands on the table" for tower in start
    ]
    wanted = [f"- {_the(a)} on top of {_the(b)}" for a, b in goal]
    return "\n".join(["Starting position:", *rng.sample(facts, len(facts)), "Wanted:", *wanted])


def _as_towers(rng: random.Random, start: Sequence[Tower], goal: Sequence[Pair]) -> str:
    lines = [f"Tower {i}: {', '.join(tower)}" for i, tower in enumerate(rng.sample(start, len(start)), 1)]
    wanted = _joined([f"{_the(a)} must be directly on {_the(b)}" for a, b in goal])
    return "\n".join(["The towers at the start, each from bottom to top:", *lines, f"In the end {wanted}."])


def _the(name: str) -> str:
    return f"block {name}" if len(name) == 1 else f"the {name} block"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _instance(names: Sequence[str], start: Sequence[Tower], goal: Sequence[Pair]) -> str:
    facts = ["(handempty)", *(f"(on {a} {b})" for a, b in _pairs(start))]
    facts += [f"(ontable {tower[0]})" for tower in start] + [f"(clear {tower[-1]})" for tower in start]
    wanted = " ".join(f"(on {a} {b})" for a, b in goal)
    return (
        f"(define (problem drawn) (:domain blocks)\n  (:objects {' '.join(names)})\n"
        f"  (:init {' '.join(facts)})\n  (:goal (and {wanted})))\n"
    ).lower()
