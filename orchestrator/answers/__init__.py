"""Reads answers out of replies, and tells which answers are one.

A reading's key is a pure function of the problem and the text, so the order in which replies arrive never matters.
Answers that are equal without being written alike (expressions) meet in `classes`, in the order given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from ..types import Kind, Problem
from . import choice, code, expression, game24, number, plan, structured, text
from .math import MathPool
from .phrases import Reading
from .text import breaks_off

__all__ = ["Reading", "aclose", "breaks_off", "classes", "read", "read_now", "same"]


class _Reader(Protocol):
    def read(self, problem: Problem, text: str) -> Reading | None: ...

    def same(self, problem: Problem, reference: str, value: str) -> bool: ...


_READERS: Mapping[Kind, _Reader] = {
    "choice": choice,
    "number": number,
    "expression": expression,
    "text": text,
    "json": structured,
    "code": code,
    "plan": plan,
    "game24": game24,
}
_LONG: Mapping[Kind, int] = {"code": 10_000, "json": 20_000}
_LONG_ELSE = 50_000
"""Characters from which reading may take more than 5 ms."""
_LONGEST_COMPARED = 500
_POOL = MathPool()


async def read(problem: Problem, text: str) -> Reading | None:
    """The answer of a reply; `None` when it cannot be read, which abstains.

    Long replies are read in a thread, so that the event loop goes on.
    """
    if len(text) < _LONG.get(problem.kind, _LONG_ELSE):
        return read_now(problem, text)
    return await asyncio.to_thread(read_now, problem, text)


def read_now(problem: Problem, text: str) -> Reading | None:
    """The same, at once."""
    return _READERS[problem.kind].read(problem, text)


async def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether `value` is the answer `reference`; the order matters to the mathematics of expressions."""
    if _READERS[problem.kind].same(problem, reference, value):
        return True
    if problem.kind != "expression":
        return False
    keys = [expression.normal(reference), expression.normal(value)]
    return await classes(problem, keys) == [0, 0]


async def classes(problem: Problem, keys: Sequence[str]) -> list[int]:
    """The class of each key, numbered 0, 1, ... in the order of first appearance.

    Equal keys share a class. Keys of expressions also join the first class whose first key equals them mathematically;
    each is parsed once, in one job of a small process pool. What that pool cannot decide in time counts as different.
    """
    distinct = list(dict.fromkeys(keys))
    heads = dict(zip(distinct, range(len(distinct)), strict=True))
    asked = [key for key in distinct if 0 < len(key) <= _LONGEST_COMPARED]
    if problem.kind == "expression" and len(asked) > 1 and not all(map(expression.is_rational, asked)):
        found = await _POOL.classes(asked)
        first = {number: key for key, number in reversed(list(zip(asked, found, strict=True)))}
        heads.update((key, heads[first[number]]) for key, number in zip(asked, found, strict=True))
    numbers = {head: number for number, head in enumerate(dict.fromkeys(heads[key] for key in distinct))}
    return [numbers[heads[key]] for key in keys]


async def aclose() -> None:
    """Ends the processes that compare expressions; they start again when needed."""
    await asyncio.to_thread(_POOL.close)
