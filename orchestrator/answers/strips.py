"""STRIPS: reads a domain and an instance in PDDL, and checks a plan step by step.

Covers `:strips` without types: conjunctions of atoms in preconditions and goals, added and deleted atoms in effects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ..errors import VerifierError

Atom: TypeAlias = tuple[str, ...]
Node: TypeAlias = "str | list[Node]"

_TOKEN = re.compile(r"[()]|[^\s()]+")
_COMMENT = re.compile(r";[^\n]*")
_ACTION = re.compile(r"\(([^()]*)\)")


class PddlError(VerifierError):
    """A domain or an instance that cannot be read."""


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    parameters: tuple[str, ...]
    needs: tuple[Atom, ...]
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    actions: dict[str, Action]


@dataclass(frozen=True, slots=True)
class Instance:
    objects: frozenset[str]
    init: frozenset[Atom]
    goal: frozenset[Atom]


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """Whether a plan reaches the goal."""

    valid: bool
    reason: str = ""
    """What is wrong, in one line; empty when nothing is."""
    step: int | None = None
    """Number of the step that fails, from 1; `None` when all apply."""


def validate(domain: str, instance: str, plan: str) -> PlanCheck:
    """Carries out a plan of lines such as `(stack a b)` and looks whether the goal holds then.

    Raises:
        PddlError: the domain or the instance cannot be read.
    """
    known, start = parse_domain(domain), parse_instance(instance)
    state = set(start.init)
    for number, step in enumerate(steps(plan), 1):
        reason = _apply(known, start, state, step)
        if reason:
            return PlanCheck(False, f"step {number} ({' '.join(step)}): {reason}", number)
    missing = sorted(start.goal - state)
    if missing:
        return PlanCheck(False, f"the goal does not hold: {_shown(missing)} missing")
    return PlanCheck(True)


def steps(plan: str) -> list[Atom]:
    """The actions of a plan, each a name and its objects; what stands outside brackets is left out."""
    return [tuple(match[1].lower().split()) for match in _ACTION.finditer(plan)]


def lasting(domain: str, instance: str, plan: Sequence[Atom]) -> list[Atom]:
    """The steps of a plan without those that lead back to where it has been; all of one that cannot be carried out.

    Raises:
        PddlError: the domain or the instance cannot be read.
    """
    known, start = parse_domain(domain), parse_instance(instance)
    state, kept = set(start.init), list[Atom]()
    passed = [frozenset(state)]
    for step in plan:
        if _apply(known, start, state, step):
            return list(plan)
        kept, now = [*kept, step], frozenset(state)
        if now in passed:
            kept = kept[: passed.index(now)]
            passed = passed[: len(kept)]
        passed = [*passed, now]
    return kept


@lru_cache(maxsize=32)
def parse_domain(text: str) -> Domain:
    """The actions of a domain.

    Raises:
        PddlError: it cannot be read.
    """
    name, actions = "", {}
    for section in _sections(text):
        if section[0] == "domain" and len(section) > 1 and isinstance(section[1], str):
            name = section[1]
        elif section[0] == ":action":
            action = _action(section)
            actions[action.name] = action
    if not actions:
        raise PddlError("the PDDL domain has no action")
    return Domain(name, actions)


@lru_cache(maxsize=1024)
def parse_instance(text: str) -> Instance:
    """The objects, the first state and the goal of an instance.

    Raises:
        PddlError: it cannot be read.
    """
    objects: frozenset[str] = frozenset()
    init: tuple[Atom, ...] = ()
    goal: tuple[Atom, ...] | None = None
    for section in _sections(text):
        if section[0] == ":objects":
            objects = frozenset(node for node in section[1:] if isinstance(node, str))
        elif section[0] == ":init":
            init = tuple(_atom(node) for node in section[1:])
        elif section[0] == ":goal":
            goal = tuple(_conjunction(section[1])) if len(section) > 1 else ()
    if goal is None:
        raise PddlError("the PDDL instance has no goal")
    return Instance(objects, frozenset(init), frozenset(goal))


def _apply(domain: Domain, instance: Instance, state: set[Atom], step: Atom) -> str:
    action = domain.actions.get(step[0]) if step else None
    if action is None:
        return "there is no such action"
    if len(step) - 1 != len(action.parameters):
        return f"it takes {len(action.parameters)} objects"
    unknown = [name for name in step[1:] if name not in instance.objects]
    if unknown:
        return f"there is no object {unknown[0]}"
    bound = dict(zip(action.parameters, step[1:], strict=True))
    missing = [atom for atom in _ground(action.needs, bound) if atom not in state]
    if missing:
        return f"{_shown(missing)} does not hold"
    state.difference_update(_ground(action.deletes, bound))
    state.update(_ground(action.adds, bound))
    return ""


def _ground(atoms: Sequence[Atom], bound: dict[str, str]) -> list[Atom]:
    return [tuple(bound.get(name, name) for name in atom) for atom in atoms]


def _shown(atoms: Sequence[Atom]) -> str:
    return " ".join(f"({' '.join(atom)})" for atom in atoms)


def _sections(text: str) -> list[list[Node]]:
    root = _tree(text)
    if not root or root[0] != "define":
        raise PddlError("PDDL starts with (define ...)")
    return [node for node in root[1:] if isinstance(node, list) and node]


def _tree(text: str) -> list[Node]:
    stack: list[list[Node]] = [[]]
    for token in _TOKEN.findall(_COMMENT.sub("", text).lower()):
        if token == "(":
            stack.append([])
        elif token != ")":
            stack[-1].append(token)
        elif len(stack) == 1:
            raise PddlError("a bracket is closed that was never opened")
        else:
            done = stack.pop()
            stack[-1].append(done)
    if len(stack) != 1 or not stack[0] or isinstance(stack[0][0], str):
        raise PddlError("a bracket is not closed, or there is none")
    return stack[0][0]


def _action(section: list[Node]) -> Action:
    if len(section) < 2 or not isinstance(section[1], str):
        raise PddlError("an action has no name")
    parts = {key: value for key, value in zip(section[2::2], section[3::2], strict=False) if isinstance(key, str)}
    parameters = parts.get(":parameters", [])
    effects = list(_effects(parts.get(":effect", [])))
    return Action(
        section[1],
        tuple(node for node in parameters if isinstance(node, str)),
        tuple(_conjunction(parts.get(":precondition", []))),
        tuple(atom for added, atom in effects if added),
        tuple(atom for added, atom in effects if not added),
    )


def _conjunction(node: Node) -> Iterator[Atom]:
    if isinstance(node, list) and node and node[0] == "and":
        for part in node[1:]:
            yield from _conjunction(part)
    elif node:
        yield _atom(node)


def _effects(node: Node) -> Iterator[tuple[bool, Atom]]:
    if isinstance(node, list) and node and node[0] == "and":
        for part in node[1:]:
            yield from _effects(part)
    elif isinstance(node, list) and len(node) == 2 and node[0] == "not":
        yield False, _atom(node[1])
    elif node:
        yield True, _atom(node)


def _atom(node: Node) -> Atom:
    if not isinstance(node, list) or not node or not all(isinstance(name, str) for name in node):
        raise PddlError(f"not an atom that :strips knows: {node}")
    if node[0] in ("not", "or", "forall", "exists", "imply", "when"):
        raise PddlError(f"'{node[0]}' is beyond :strips")
    return tuple(name for name in node if isinstance(name, str))
