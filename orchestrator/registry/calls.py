"""How many calls a strategy makes, told by asking it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast, get_args, get_origin

from ..protocols import Estimates, Fits
from ..types import Estimate, Message, Problem
from .build import fields_of, hints_of
from .rooms import Maker

_EXAMPLE = Problem("example", (Message("user", "What is 6 times 7?"),), kind="number")
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


def estimate_of(maker: Maker, experts: int = 1) -> Estimate | None:
    """Calls on one problem with every setting at its default."""
    thing = made(maker)
    return None if thing is None else thing.estimate(_EXAMPLE, experts)


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
    most = cast(Estimates, thing).estimate(_EXAMPLE, 1).most
    return next((calls for calls in range(1, most) if thing.fit(calls, _EXAMPLE, 1) is not None), most)


def _drives(thing: Estimates, name: str, hint: object) -> bool:
    usual = thing.estimate(_EXAMPLE, 1)
    for value in _others(getattr(thing, name), hint):
        try:
            other = cast(Estimates, replace(cast(Any, thing), **{name: value}))
        except ValueError:  # no value for this setting
            continue
        if other.estimate(_EXAMPLE, 1) != usual:
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
