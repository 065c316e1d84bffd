"""The library of small programs: what tells a task, the right program, and wrong ones with the thought behind them."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

_PARTS = ("strings", "lists", "numbers")
_COUNTING = "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_WORDS = {word: i for i, word in enumerate(_COUNTING.split("|"))}
_NUMBER = rf"(?:\d{{1,3}}|{_COUNTING})"

Constants: TypeAlias = tuple[tuple[str, int], ...]
"""Numbers that the text gives, by the names that they have in the programs."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A program that goes wrong, and why one would write it."""

    thought: str
    program: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A task of the library. Numbers that a text may change stand as `$k` in all of it."""

    topic: str
    cues: tuple[re.Pattern[str], ...]
    """All have to be found in what the text says."""
    constants: re.Pattern[str] | None
    difficulty: float
    ideas: tuple[str, ...]
    """The reasoning that leads to the right program."""
    observations: tuple[str, ...]
    inputs: tuple[str, ...]
    """Arguments of calls that tell right from wrong, as Python source."""
    right: str
    """Defines `solution`."""
    wrong: tuple[Wrong, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        head = self.right.partition(")")[0]
        return tuple(re.split(r",\s*", head.removeprefix("def solution(")))

    def found_in(self, text: str) -> Constants | None:
        """The numbers of the text if it tells this task (small letters, single blanks); `None` if it does not."""
        if not all(cue.search(text) for cue in self.cues):
            return None
        if self.constants is None:
            return ()
        found = self.constants.search(text)
        return found and tuple((name, _value(word)) for name, word in found.groupdict().items())


def filled(text: str, constants: Constants) -> str:
    """A text of the library with its numbers put in."""
    return string.Template(text).substitute({name: str(number) for name, number in constants})


def result(program: str, arguments: str) -> Any:
    """What a program of the library returns. Only what comes with the package is ever run here."""
    return _function(program)(*eval(f"({arguments},)"))


@lru_cache(maxsize=512)
def _function(program: str) -> Any:
    names: dict[str, Any] = {}
    exec(program, names)
    return names["solution"]


def _value(word: str) -> int:
    return _WORDS[word] if word in _WORDS else int(word)


@cache
def library() -> tuple[Entry, ...]:
    """All tasks, those with the most cues first."""
    found = []
    for topic in _PARTS:
        data = files("orchestrator.experts.simulated").joinpath(f"code_library_{topic}.toml")
        found += [_entry(topic, row) for row in tomllib.loads(data.read_text(encoding="utf-8"))["task"]]
    return tuple(sorted(found, key=lambda entry: -len(entry.cues) - (entry.constants is not None)))


def _entry(topic: str, row: Mapping[str, Any]) -> Entry:
    constants = row.get("constants")
    return Entry(
        topic,
        tuple(map(re.compile, row["cues"])),
        re.compile(constants.replace("NUM", _NUMBER)) if constants else None,
        row["difficulty"],
        tuple(row["ideas"]),
        tuple(row["observations"]),
        tuple(row["inputs"]),
        row["right"].lstrip("\n"),
        tuple(_wrong(row["right"], wrong) for wrong in row["wrong"]),
    )


def _wrong(right: str, row: Mapping[str, str]) -> Wrong:
    if "program" in row:
        return Wrong(row["thought"], row["program"].lstrip("\n"))
    if right.count(row["old"]) != 1:
        raise ValueError(f"not once in the right program: {row['old']!r}")
    return Wrong(row["thought"], right.replace(row["old"], row["new"]))
