"""Budgets: caps that a user sets."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import TypeVar

from .errors import ConfigError, UnknownName

_SUFFIX = {"": 1, "k": 1_000, "m": 1_000_000}
_UNITS = {"": 1, "s": 1, "min": 60, "h": 3600}
_NUMBER = re.compile(r"((?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?)([a-z]*)")
_WHOLE = ("calls", "tokens")


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps on what a scope may spend; `None` is no cap."""

    calls: int | None = None
    """Samples asked for."""
    tokens: int | None = None
    """Prompt and completion tokens together."""
    usd: float | None = None
    seconds: float | None = None
    """Wall time."""

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ConfigError(f"budget {f.name}={value} must be a number from 0 up")
            if f.name in _WHOLE and isinstance(value, float) and not value.is_integer():
                raise ConfigError(f"budget {f.name}={value} must be a whole number")

    @property
    def finite(self) -> bool:
        """Whether anything is capped."""
        return any(getattr(self, f.name) is not None for f in fields(self))

    def share(self, k: int) -> Budget:
        """One of `k` equal parts, rounded down, of what can be divided; seconds run for all at once and stay."""
        return replace(
            self,
            calls=None if self.calls is None else self.calls // k,
            tokens=None if self.tokens is None else self.tokens // k,
            usd=None if self.usd is None else self.usd / k,
        )

    def tightened(self, other: Budget) -> Budget:
        """The lower cap of both in every dimension."""
        return Budget(
            calls=_lower(self.calls, other.calls),
            tokens=_lower(self.tokens, other.tokens),
            usd=_lower(self.usd, other.usd),
            seconds=_lower(self.seconds, other.seconds),
        )

    @classmethod
    def parse(cls, text: str, where: str = "--budget") -> Budget:
        """A budget written as `calls=40,tokens=50k,usd=0.20,seconds=60`.

        Numbers may end in k or m (thousands, millions); seconds in s, min or h instead.

        Raises:
            ConfigError: an unknown name, one given twice, or a number that is none.
        """
        caps: dict[str, float] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, equals, value = part.partition("=")
            name = name.strip()
            if name not in _NAMES:
                raise UnknownName("cap", name, _NAMES, where)
            if not equals:
                raise ConfigError(f"{where}: '{part}' lacks a number; write {name}=NUMBER")
            if name in caps:
                raise ConfigError(f"{where}: {name} is given twice")
            caps[name] = _number(value.strip(), name, where)
        return cls(**caps)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """As `parse` reads it."""
        caps = {f.name: getattr(self, f.name) for f in fields(self)}
        return ",".join(f"{name}={_plain(cap)}" for name, cap in caps.items() if cap is not None)


_N = TypeVar("_N", int, float)
_NAMES = tuple(f.name for f in fields(Budget))


def _lower(a: _N | None, b: _N | None) -> _N | None:
    return b if a is None else a if b is None else min(a, b)


def _plain(cap: float) -> str:
    return repr(cap) if isinstance(cap, float) and not cap.is_integer() else str(int(cap))


def _number(text: str, name: str, where: str) -> float:
    match = _NUMBER.fullmatch(text.lower().removeprefix("$" if name == "usd" else ""))
    factor = match and (_UNITS if name == "seconds" else _SUFFIX).get(match[2])
    if not match or factor is None:
        minutes = "; for minutes write min" if name == "seconds" and match and match[2] == "m" else ""
        raise ConfigError(f"{where}: {name}={text} is not a number from 0 up{minutes}")
    number = Decimal(match[1].replace("_", "")) * factor
    if name not in _WHOLE:
        return float(number)
    if number != number.to_integral_value():
        raise ConfigError(f"{where}: {name}={text} must be a whole number")
    return int(number)
