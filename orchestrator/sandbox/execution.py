"""How a program fared, and how far it was kept apart from everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Ruling: TypeAlias = Literal["passed", "failed", "error", "timeout", "memory", "output", "crashed", "violation"]
"""`failed`: a wrong value; `error`: an exception, a missing entry, an early exit; `crashed`: a signal; `violation`: a
call to the system that was denied ended it."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """What stands between a program and the machine, found out by trying."""

    level: int
    """0 a plain subprocess; 1 with limits; 2 with seccomp or Landlock; 3 with both; 4 with namespaces too; 5 remote."""
    mechanisms: Mapping[str, bool | int | str] = field(default_factory=dict)
    """By name (`landlock_abi`, `seccomp`, `pidns`, `netns`, `mountns`, `rlimits`...), what is in force."""
    not_enforced: tuple[str, ...] = ()
    """What nothing stops, such as `tree_memory`."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """By layer that is not in force, why."""


@dataclass(frozen=True, slots=True)
class Execution:
    """The verdict on a program, from the judge and the kernel alone."""

    verdict: Ruling
    detail: str = ""
    """What went wrong, in one line."""
    passed: int = 0
    """Tests passed."""
    total: int = 0
    first_failed: int | None = None
    """Index of the first test that was not passed."""
    outcomes: tuple[bool | None, ...] = ()
    """By test: passed, not passed, or not run (`None`)."""
    seconds: float = 0.0
    """Wall seconds of the program."""
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    """Peak memory of the program, MiB."""
    output: str = ""
    """What it printed, cut."""
    exception: str = ""
    """Class of the exception that ended it, the nearest that Python itself has."""
    line: int | None = None
    """Line of the program where that was raised."""
    isolation: Isolation | None = None
    cached: bool = False
    """Whether the same program had been run against the same suite before."""
    rerun: bool = False
    """Whether the first process was lost through no doing of the program that is known, and it was run once more."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a call returned: a value, or why there is none."""

    verdict: Ruling
    """`passed` where there is a value."""
    value: object = None
    detail: str = ""
    exception: str = ""
