"""What a program is run against, as values. Expected answers never enter the program's process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Value: TypeAlias = object
"""None, bool, int, float, str, bytes, complex, list, tuple, dict, set and what is made of them."""

Comparison: TypeAlias = Literal["exact", "tolerance", "evalplus", "lcb", "lcb+tol"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the entry, and what it should return."""

    args: tuple[Value, ...]
    expected: Value


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one function by value.

    `entry` is a name of the program; where the program has no such name, a method of its class `Solution`, of which a
    fresh instance is made for each call (the form of LiveCodeBench's call mode).
    """

    entry: str
    cases: tuple[Call, ...]
    compare: Comparison = "exact"
    """`exact`: `==`, where a tuple may stand for a list and the other way round."""
    atol: float | None = None
    """Absolute tolerance of `tolerance` and `evalplus`."""

    def __post_init__(self) -> None:
        if self.compare not in get_args(Comparison):
            names = ", ".join(get_args(Comparison))
            raise ValueError(f"values cannot be compared by '{self.compare}'; there are {names}")


@dataclass(frozen=True, slots=True)
class Asserts:
    """Python source that raises where the program is wrong; each text of `tests` is counted apart."""

    tests: tuple[str, ...]
    entry: str | None = None
    """Name that is handed to a function `check` which the tests define and do not call themselves."""
    prelude: str = ""
    """Source that the tests may use, such as the stub of the task with its other functions; run before them."""
    trusted: bool = True
    """Whether a person wrote the tests. Those of a model are run in a process of their own each."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What a whole program reads, and what it should print."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Stdio:
    """Runs of a whole program that reads its standard input and prints; a run must end by itself with status 0."""

    cases: tuple[Stream, ...]
    compare: Comparison = "lcb"

    def __post_init__(self) -> None:
        if self.compare not in ("exact", "lcb", "lcb+tol"):
            raise ValueError(f"outputs cannot be compared by '{self.compare}'; there are exact, lcb, lcb+tol")


Suite: TypeAlias = Calls | Asserts | Stdio


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take."""

    seconds: float = 10.0
    """CPU seconds of all tests of a program together (of each run of a `Stdio` program)."""
    wall: float | None = None
    """Wall seconds; by default `max(seconds + 2, 3 * seconds)`, which also ends programs that sleep or wait, and up to
    three times that where other processes keep the machine busy."""
    memory_mb: int = 1024
    """MiB of address space beyond what the interpreter itself takes."""
    output_mb: int = 32
    """MiB that it may print, return and write to files."""
    fail_fast: bool = True
    """Whether the first test that is not passed ends the program."""
    patience: float | None = None
    """Ends a program early, as `timeout`, once it took this many times the CPU time of the slowest program that has
    passed the same suite so far (never before 0.1 s). `None` waits for `seconds`; for searches, not for scores."""

    @property
    def wall_seconds(self) -> float:
        return self.wall if self.wall is not None else max(self.seconds + 2.0, 3.0 * self.seconds)
