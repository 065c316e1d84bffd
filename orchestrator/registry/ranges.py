"""Ranges that settings have whoever has them: a temperature below 0 is a slip in any strategy, and costs calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_RANGES: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "temperature": (lambda x: x >= 0, "is 0 or more"),
    "top_p": (lambda x: 0 < x <= 1, "is above 0 and at most 1"),
    "max_tokens": (lambda x: x >= 1, "counts from 1"),
    "timeout": (lambda x: x > 0, "is above 0"),
}
"""By the name of a setting, or how it ends: `code_temperature` is one too."""


def check_ranges(values: Mapping[str, object]) -> None:
    """Raises:
    ValueError: a setting is out of its range.
    """
    for name, value in values.items():
        for ending, (fits, told) in _RANGES.items():
            if (name == ending or name.endswith(f"_{ending}")) and isinstance(value, int | float) and not fits(value):
                raise ValueError(f"{name} {told}, not {value:g}")
