"""The plots of arithmetic word problems that the experts know, out of their file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from .arithmetic import Step
from .patterns import pattern


@dataclass(frozen=True)
class Plot:
    """One plot. Numbers of the patterns are single letters; `{part}` becomes the number `part` of equal parts."""

    name: str
    cues: tuple[str, ...]
    """One of them is in every telling, in lower case: a quick look before the patterns."""
    skills: tuple[str, ...]
    difficulty: float
    asked: str
    """What the question wants."""
    tellings: tuple[str, ...]
    steps: tuple[Step, ...]
    remarks: tuple[str, ...]
    """What helps with this plot; may name what the text names, in braces."""

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """The tellings, compiled when the first text comes near one."""
        return tuple(map(pattern, self.tellings))


@cache
def plots() -> tuple[Plot, ...]:
    """All of them, in the order of the file."""
    text = files("orchestrator.experts.simulated").joinpath("word_plots.toml").read_text(encoding="utf-8")
    return tuple(map(_plot, tomllib.loads(text)["plot"]))


def _plot(table: dict[str, Any]) -> Plot:
    return Plot(
        table["name"],
        tuple(table["cues"]),
        tuple(table["skills"]),
        table["difficulty"],
        table["asked"],
        tuple(table["telling"]),
        tuple(map(_step, table["sums"])),
        tuple(table["remarks"]),
    )


def _step(line: str) -> Step:
    """`name = left sign right : what it is`."""
    total, _, what = line.partition(":")
    name, _, left, sign, right = total.split()
    return Step(name, left, sign, right, what.strip())
