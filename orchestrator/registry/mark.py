"""The mark that makes a class the strategy of its module."""

from __future__ import annotations

import inspect
from typing import TypeVar

from ..errors import ConfigError
from ..protocols import Strategy

S = TypeVar("S", bound=Strategy)

_MARK = "__strategy__"


def strategy(cls: type[S]) -> type[S]:
    """Marks a frozen dataclass as the strategy of its module; its fields are its settings.

    Put it above `@dataclass(frozen=True)`. The module's name is the strategy's name.

    Raises:
        ConfigError: the class is no frozen dataclass, or calling it is not a coroutine.
    """
    parameters = getattr(cls, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        raise ConfigError(
            f"strategy {cls.__name__} must be a frozen dataclass: put @dataclass(frozen=True) below @strategy"
        )
    if not acts(cls):
        raise ConfigError(f"strategy {cls.__name__} needs `async def __call__(self, problem, run) -> None`")
    setattr(cls, _MARK, True)
    return cls


def marked(cls: type) -> bool:
    """Whether `@strategy` stands on this very class; a subclass does not inherit it."""
    return _MARK in vars(cls)


def acts(cls: type) -> bool:
    """Whether its instances are called as coroutines."""
    return inspect.iscoroutinefunction(cls.__call__)
