"""States of a tree of thoughts: what has been thought so far, how it goes on, and how opinions of it are read.

Of most kinds of problem a state is a few texts. Of a game of 24 it is also the numbers that are left, which are worked
out here: a step that does not apply to them is no step, and what one number comes to needs nobody's opinion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol, TypeAlias

from orchestrator.answers import game24
from orchestrator.types import Answer, Completion, Problem

from ._lists import bulleted, declines, distinct, gist, read_list

VALUES = {"sure": 20.0, "likely": 1.0, "impossible": 0.001}
"""What a label is worth; a reply without one is worth nothing."""

_Hand: TypeAlias = tuple[Fraction, ...]

_LABEL = re.compile(rf"(?:(\bnot|n['\u2019]t|\bnever)\s+)?\b({'|'.join(VALUES)})\b", re.IGNORECASE)
_CHOICE = re.compile(
    r"\b(?:best|better|most promising)\s+(?:one|choice|candidate|plan|option|answer|passage)\b[\"'*_`\s]{0,4}"
    r"(?:is\b\s*:?|:)[\"'*_`\s(\[]{0,4}(?:(?:candidate|choice|number|option|plan|answer)\s*)?[#\"'*_`(\[]{0,4}(\d{1,4})(?![\d%]|\.\d)",
    re.IGNORECASE,
)
_BARE = re.compile(r"\W*(?:(?:candidate|choice|number|option|plan|answer)\s*)?#?(\d{1,4})\W*", re.IGNORECASE)
_SIGNS = str.maketrans("\u00d7\u2715\u22c5\u00b7\u00f7\u2212\u2013\u2014", "****/---")
_NUMBER = r"\(?(-?\d+(?:\.\d+|\s?/\s?\d+)?)\)?"
_STEP = re.compile(rf"(?<![\d.)]){_NUMBER}\s*([-+*/])\s*{_NUMBER}\s*=\s*{_NUMBER}(?![\d.])")


@dataclass(frozen=True, slots=True)
class State:
    """A beginning of a solution, or with an answer the end of one."""

    thoughts: tuple[str, ...] = ()
    replies: tuple[Completion, ...] = ()
    """What it was read out of, the oldest first."""
    hand: _Hand = ()
    """Numbers that are left in a game of 24, ascending."""
    answer: Answer | None = field(default=None, compare=False)

    def grown(self, thought: str, reply: Completion) -> State:
        return replace(self, thoughts=(*self.thoughts, thought), replies=(*self.replies, reply))

    @property
    def so_far(self) -> str:
        """The thoughts as they stand in a prompt."""
        if len(self.thoughts) == 1:
            return self.thoughts[0].strip()
        return bulleted(thought.strip() for thought in self.thoughts) or "Nothing yet."


class Space(Protocol):
    """How states of one kind of problem begin, go on and compare."""

    @property
    def kind(self) -> str:
        """The kind of problem whose prompts suit these states."""
        ...

    def root(self) -> State: ...

    def proposed(self, state: State, reply: Completion) -> list[State]:
        """The states that the steps of a proposal lead to."""
        ...

    def key(self, state: State) -> object:
        """Equal for states that come to the same."""
        ...

    def slots(self, state: State) -> dict[str, str]:
        """What prompts are told of a state."""
        ...

    def settled(self, state: State) -> float | None:
        """The value of a state that needs no opinion, as that of one opinion."""
        ...


@dataclass(frozen=True, slots=True)
class Texts:
    """States are texts."""

    kind: str = ""

    def root(self) -> State:
        return State()

    def proposed(self, state: State, reply: Completion) -> list[State]:
        found = read_list(reply.text)
        steps = distinct(reply.text.splitlines()) if found is None else found
        return [state.grown(step, reply) for step in steps if not declines(step)]

    def key(self, state: State) -> object:
        return tuple(map(gist, state.thoughts))

    def slots(self, state: State) -> dict[str, str]:
        return {"steps": state.so_far}

    def settled(self, state: State) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Hands:
    """States are the numbers that are left of a game of 24."""

    numbers: _Hand
    kind: str = "game24"

    def root(self) -> State:
        return State(hand=tuple(sorted(self.numbers)))

    def proposed(self, state: State, reply: Completion) -> list[State]:
        return [
            replace(state.grown(f"{said} (left: {_listed(hand)})", reply), hand=hand)
            for said, hand in _moves(reply.text, state.hand)
        ]

    def key(self, state: State) -> object:
        return state.hand

    def slots(self, state: State) -> dict[str, str]:
        return {"steps": state.so_far, "left": _listed(state.hand)}

    def settled(self, state: State) -> float | None:
        if len(state.hand) != 1 or state.answer is not None:
            return None
        return VALUES["sure" if state.hand[0] == game24.GOAL else "impossible"]


def space_of(problem: Problem, listing: bool) -> Space:
    """The states that suit a problem.

    Args:
        listing: whether next steps are listed, so that each can be read by itself.
    """
    if problem.kind != "game24":
        return Texts(problem.kind)
    numbers = game24.numbers_of(problem)
    return Hands(tuple(map(Fraction, numbers))) if listing and len(numbers) > 1 else Texts()


def without_doubles(space: Space, states: Iterable[State]) -> list[State]:
    """Of states that come to the same, the first."""
    first: dict[object, State] = {}
    for state in states:
        answer = state.answer
        first.setdefault(space.key(state) if answer is None else ("answer", answer.key), state)
    return list(first.values())


def label_in(text: str) -> float | None:
    """The value of the last label in a reply, however it is written; `None` where there is none, or it is denied."""
    found = [*_LABEL.finditer(text)]
    return None if not found or found[-1][1] else VALUES[found[-1][2].lower()]


def choice_in(text: str, count: int) -> int | None:
    """The candidate that a vote names at last, from 0; `None` where it names none of `count`."""
    found: Sequence[re.Match[str] | None] = [*_CHOICE.finditer(text)][-1:] or [_BARE.fullmatch(text.strip())]
    number = next((int(one[1]) for one in found if one), 0)
    return number - 1 if 1 <= number <= count else None


# -- the game of 24 -----------------------------------------------------------------------


def _moves(text: str, hand: _Hand) -> Iterator[tuple[str, _Hand]]:
    """The steps of a proposal that apply to a hand, and what they leave."""
    for line in text.translate(_SIGNS).splitlines():
        step = _STEP.search(line)
        if step is None:
            continue
        a, b, result = (_value(step[i]) for i in (1, 3, 4))
        left = None if a is None or b is None else _left(hand, a, step[2], b, result)
        if left is not None:
            yield step[0], left


def _left(hand: _Hand, a: Fraction, sign: str, b: Fraction, result: Fraction | None) -> _Hand | None:
    rest = list(hand)
    for number in (a, b):
        if number not in rest:
            return None
        rest.remove(number)
    right = _result(a, sign, b)
    return None if right is None or right != result else tuple(sorted((*rest, right)))


def _result(a: Fraction, sign: str, b: Fraction) -> Fraction | None:
    """`None` for a division by zero."""
    match sign:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
    return a / b if b else None


def _value(text: str) -> Fraction | None:
    try:
        return Fraction(text.replace(" ", ""))
    except ZeroDivisionError:
        return None


def _listed(hand: _Hand) -> str:
    return " ".join(map(str, hand))
