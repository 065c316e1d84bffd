"""How many calls a strategy makes, told by asking it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast, get_args, get_origin

from ..protocols import Estimates, Fits
from ..types import Estimate, Kind, Message, Problem
from .build import fields_of, hints_of
from .rooms import Maker

_EXAMPLES = (
    Problem("example", (Message("user", "What is 6 times 7?"),), kind="number"),
    Problem("example", (Message("user", "Which of these is prime?"),), kind="choice", options=("6", "7", "8", "9")),
    Problem("example", (Message("user", "Write a function double(x)."),), kind="code"),
)
_EXPERTS = 3
"""How many are meant by several."""


def made(maker: Maker) -> Estimates | None:
    """One of a class with every setting at its default, if it can tell its calls."""
    if not isinstance(maker, type):
        return None
    try:
        thing = maker()
    except TypeError:  # a setting must be given
        return None
    return thing if isinstance(thing, Estimates) else None


def example_for(thing: Estimates) -> Problem:
    """A problem on which it makes calls: a number, else a choice, else a program; a number where it makes none."""
    return next((each for each in _EXAMPLES if thing.estimate(each, 1).most), _EXAMPLES[0])


def kind_of_example(maker: Maker) -> Kind | None:
    """The kind of the problem that the calls are told for, where that is not the usual one."""
    thing = made(maker)
    kind = _EXAMPLES[0].kind if thing is None else example_for(thing).kind
    return None if kind == _EXAMPLES[0].kind else kind


def estimate_of(maker: Maker, experts: int = 1) -> Estimate | None:
    """Calls on one problem with every setting at its default."""
    thing = made(maker)
    return None if thing is None else thing.estimate(example_for(thing), experts)


def with_several(maker: Maker) -> Estimate | None:
    """The same with three experts, where that is another number."""
    several = estimate_of(maker, _EXPERTS)
    return None if several == estimate_of(maker) else several


def driving(maker: Maker) -> tuple[str, ...]:
    """Names of the settings on which the calls depend, found out by changing each."""
    thing = made(maker)
    if thing is None:
        return ()
    hints = hints_of(maker)
    return tuple(f.name for f in fields_of(maker) if _drives(thing, f.name, hints.get(f.name)))


def smallest(maker: Maker) -> int | None:
    """The fewest calls that a form of the strategy gets by with; `None` where it has but one form."""
    thing = made(maker)
    if not isinstance(thing, Fits):
        return None
    example = example_for(cast(Estimates, thing))
    most = cast(Estimates, thing).estimate(example, 1).most
    return next((calls for calls in range(1, most) if thing.fit(calls, example, 1) is not None), most)


def _drives(thing: Estimates, name: str, hint: object) -> bool:
    example = example_for(thing)
    usual = thing.estimate(example, 1)
    for value in _others(getattr(thing, name), hint):
        try:
            other = cast(Estimates, replace(cast(Any, thing), **{name: value}))
        except ValueError:  # no value for this setting
            continue
        if other.estimate(example, 1) != usual:
            return True
    return False


def _others(value: object, hint: object) -> tuple[object, ...]:
    """Other values that a setting may have."""
    if get_origin(hint) is Literal:
        return tuple(choice for choice in get_args(hint) if choice != value)
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1, value - 1)
        case None if int in get_args(hint):
            return (1, 3)
    return ()
