"""What a family of problems brings: it reads a text, works it out, and slips as people do."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from orchestrator.types import Kind


@dataclass(frozen=True, slots=True)
class Worked:
    """A problem worked out, rightly or wrongly."""

    steps: tuple[str, ...]
    """The reasoning, a sentence or a line each."""
    answer: str
    """What a reply ends in, bare: a letter, a number, an expression (`none` where there is none), a plan in PDDL with
    an action a line, a program without a fence."""


class Task(Protocol):
    """One problem, read from its text alone."""

    @property
    def kind(self) -> Kind: ...

    @property
    def skills(self) -> tuple[str, ...]:
        """What it takes, the main skill first."""
        ...

    @property
    def difficulty(self) -> float:
        """From 0, trivial, to 1."""
        ...

    def solve(self, slip: random.Random | None = None) -> Worked:
        """The right solution, or with `slip` one with a plausible mistake that its random numbers choose.

        The answer with a slip is wrong, and a function of the task and of the random numbers alone.
        """
        ...

    def right(self, answer: str) -> bool:
        """Whether somebody's answer, in the form in which `solve` gives it, is right; for judging others."""
        ...

    def observations(self) -> tuple[str, ...]:
        """True remarks about this problem that help to solve it, the most useful first; at least six."""
        ...


@runtime_checkable
class Testable(Protocol):
    """A task that also knows tests for its answers."""

    def tests(self, slip: random.Random | None = None) -> tuple[str, ...]:  # noqa: PT028 - no test of ours
        """Assert statements, one a line; with `slip` some of them expect what a plausible mistake gives."""
        ...


class Family(Protocol):
    """Problems of one sort."""

    @property
    def name(self) -> str: ...

    def read(self, text: str) -> Task | None:
        """The problem in a conversation's text, whatever stands around it; `None` where there is none of this sort."""
        ...
