"""The options of a multiple-choice question in other orders, and the way back to the question's own letters."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import factorial, prod
from typing import TypeAlias

from orchestrator import answers
from orchestrator.types import LETTERS, Answer, Completion, Expert, Problem

from ._option_references import freedom

Order: TypeAlias = tuple[int, ...]
"""By place, the number of the question's option that stands there: in (2, 0, 1) the third stands first."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One reply that is asked for."""

    order: Order
    sample: int
    """Its number among those that are asked for with the same words of the same expert."""


def own_order(problem: Problem) -> Order:
    """The order of the question itself."""
    return tuple(range(len(problem.options)))


def orders(problem: Problem, count: int, rng: random.Random) -> list[Order]:
    """So many orders of a question's options, its own first, the others drawn at random.

    They differ as long as there are others, and then come again from the first: a question with two options has two
    orders, one whose options cannot move has one (see `freedom`), as has a question without options.
    """
    groups = freedom(problem).groups
    possible = prod(factorial(len(group)) for group in groups)
    found = [own_order(problem)]
    while len(found) < min(count, possible):
        drawn = _drawn(found[0], groups, rng)
        if drawn not in found:
            found.append(drawn)
    return [found[i % len(found)] for i in range(count)]


def seats(problem: Problem, drawn: Sequence[Order], experts: Sequence[Expert]) -> list[Seat]:
    """What branch i of a map asks its expert, the one that it is dealt, for the i-th order.

    Recorded replies speak of the options as they stood when they were recorded, so these are asked for in that order.
    """
    found: list[Seat] = []
    asked: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for i, order in enumerate(drawn):
        expert = experts[i % len(experts)]
        order = own_order(problem) if expert.client == "replay" else order
        words = expert.id, reordered(problem, order).options
        found.append(Seat(order, asked[words]))
        asked[words] += 1
    return found


def _drawn(own: Order, groups: Sequence[tuple[int, ...]], rng: random.Random) -> Order:
    order = list(own)
    for group in groups:
        for place, option in zip(group, rng.sample(group, len(group)), strict=True):
            order[place] = option
    return tuple(order)


def reordered(problem: Problem, order: Order) -> Problem:
    """The question with its options in this order."""
    return replace(problem, options=tuple(problem.options[i] for i in order))


async def answer_in_own_order(problem: Problem, order: Order, reply: Completion) -> Answer:
    """The answer of a reply to the reordered question, by the letters of the question itself.

    The reply's text gets a line at its end that tells the question's letter, so that whoever reads it, or shows it to a
    judge, finds the same answer in it.
    """
    reading = await answers.read(reordered(problem, order), reply.text)
    if reading is None:
        return Answer(reply.text, source=reply)
    if order == own_order(problem):
        return Answer(reply.text, reading.value, reading.key, reply)
    letter = LETTERS[order[LETTERS.index(reading.value)]]
    told = _told(order, letter)
    text = f"{reply.text.rstrip()}\n\n{told}"
    again = await answers.read(problem, text)
    if again is None or again.key != letter:  # the reply went on after its answer, and nothing behind that is read
        text = told
    return Answer(text, letter, letter, reply)


def _told(order: Order, letter: str) -> str:
    places = ", ".join(f"({LETTERS[place]}) for ({LETTERS[option]})" for place, option in enumerate(order))
    return (
        f"The options stood in another order here: {places}.\nBy the letters of the question, the answer is ({letter})."
    )
