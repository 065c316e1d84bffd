"""Reads a plan, one action a line, into PDDL: `(unstack b c)`.

A line counts when it begins with an action of the problem's domain, behind a list mark or a word such as "then", and
names enough of its objects: `(unstack b c)`, `Unstack(b, c)`, "unstack the blue block from on top of the orange block",
"feast object a from object b". Colours stand for the blocks a to l. Between `[PLAN]` and `[PLAN END]` only the first
such part that is closed is read. Where most steps are numbered, the last list that starts at 1 counts, and lines
without a number explain; else the last run of steps that follow each other. Without a domain in `meta["pddl_domain"]`
only the PDDL form is read.

Plans are one answer when they are the same steps but for those that lead back to a state that was there before, such as
picking a block up and putting it down again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..types import Problem
from .phrases import Reading, digested
from .strips import PddlError, lasting, parse_domain, parse_instance, steps

_COLOURS = ("red", "blue", "orange", "yellow", "white", "magenta", "black", "cyan", "green", "violet", "silver", "gold")
_BLOCKS = dict(zip(_COLOURS, "abcdefghijkl", strict=True))
_MARK = re.compile(
    r"\s*(?:[-*•>#`_]+|(?:step\s*)?\(?(?P<number>\d{1,3})\s?[.):\]-]+|(?:action|move)\b[*_`]*\s*:|(?:first|then|next|finally|now|and)\b,?)\s*"
)
_WORD = re.compile(r"[a-z0-9_-]+")
_LONGEST_PLAN = 200
"""Steps up to which a plan is carried out to be compared."""
_BLANKS = ("block", "blocks", "object", "objects")


@dataclass(frozen=True, slots=True)
class _Step:
    number: int | None
    """Its number in a list."""
    action: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    names: re.Pattern[str]
    """Any action, as a model may write it."""
    actions: dict[str, tuple[str, int]]
    """Letters of an action's name -> its name and the number of its objects."""
    objects: dict[str, str]
    """How an object may be called -> its name."""


def read(problem: Problem, text: str) -> Reading | None:
    """The plan in PDDL, one action a line."""
    plan = _actions(problem, text)
    return Reading("\n".join(_written(plan)), digested(" ".join(_written(_told(problem, plan))))) if plan else None


def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether both are the same actions in the same order, steps that change nothing aside."""
    return _told(problem, steps(reference)) == _told(problem, steps(value))


def _written(plan: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"({' '.join(action)})" for action in plan]


def _told(problem: Problem, plan: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
    """What a plan is told from others by; a very long one by all of its steps."""
    domain, instance = problem.meta.get("pddl_domain"), problem.meta.get("pddl_instance")
    if not isinstance(domain, str) or not isinstance(instance, str) or len(plan) > _LONGEST_PLAN:
        return plan
    try:
        return lasting(domain, instance, plan) or plan
    except PddlError:
        return plan


def _actions(problem: Problem, text: str) -> Sequence[tuple[str, ...]]:
    vocabulary = _known(str(problem.meta.get("pddl_domain") or ""), str(problem.meta.get("pddl_instance") or ""))
    lines = _part(text).lower().splitlines()
    if vocabulary is None:
        return [found[0] for line in lines if (found := steps(line)) and line.strip().startswith("(")]
    runs: list[list[_Step]] = [[]]
    for line in filter(str.strip, lines):
        step = _step(line, vocabulary)
        if step is None:
            runs.append([])
        else:
            runs[-1].append(step)
    return [step.action for step in _chosen([run for run in runs if run])]


def _part(text: str) -> str:
    """What stands between the markers; without them, all."""
    end = re.search(r"\[\s*(?:PLAN END|END PLAN|END OF PLAN)\s*\]", text, re.IGNORECASE)
    if end:
        text = text[: end.start()]
    return re.split(r"\[\s*PLAN\s*\]", text, flags=re.IGNORECASE)[-1]


def _chosen(runs: list[list[_Step]]) -> list[_Step]:
    found = [step for run in runs for step in run]
    numbered = [step for step in found if step.number is not None]
    if 2 * len(numbered) < len(found):
        return next((run for run in reversed(runs) if len(run) > 1), found)
    starts = [i for i, step in enumerate(numbered) if step.number == 1]
    return numbered[starts[-1] :] if starts else numbered


def _step(line: str, vocabulary: _Vocabulary) -> _Step | None:
    place, number = 0, None
    while (mark := _MARK.match(line, place)) and mark.end() > place:
        number = int(mark["number"]) if mark["number"] else number
        place = mark.end()
    action = vocabulary.names.match(line, place)
    if action is None:
        return None
    name, count = vocabulary.actions[re.sub(r"[^a-z0-9]", "", action[1])]
    objects = _objects(line[action.end() :], vocabulary)[:count]
    return _Step(number, (name, *objects)) if len(objects) == count else None


def _objects(rest: str, vocabulary: _Vocabulary) -> list[str]:
    words = _WORD.findall(rest)
    found = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        article = word == "a" and (following in _BLANKS or following in _BLOCKS)
        name = vocabulary.objects.get(word) or vocabulary.objects.get(word.strip("_"))
        if name and not article:
            found.append(name)
    return found


@lru_cache(maxsize=256)
def _known(domain: str, instance: str) -> _Vocabulary | None:
    try:
        actions = parse_domain(domain).actions.values()
        objects = parse_instance(instance).objects
    except PddlError:
        return None
    spellings = sorted((re.escape(a.name).replace(r"\-", "[-_ ]?") for a in actions), key=len, reverse=True)
    return _Vocabulary(
        re.compile(rf"\(?\s*({'|'.join(spellings)})(?![a-z])"),
        {re.sub(r"[^a-z0-9]", "", a.name): (a.name, len(a.parameters)) for a in actions},
        {**{c: block for c, block in _BLOCKS.items() if block in objects}, **{name: name for name in objects}},
    )
