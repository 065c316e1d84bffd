"""A problem together with what only the grader may see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from orchestrator.types import Json, Problem

if TYPE_CHECKING:
    from orchestrator.sandbox import Sandbox, Suite

    from .scoring import Rule

Part: TypeAlias = Literal["fit", "eval"]
Split: TypeAlias = Literal["dev", "heldout"]


class Sealed(Protocol):
    """Hidden tests that nobody has looked into yet, since that takes time, or is not safe outside a sandbox."""

    async def opened(self, box: Sandbox) -> tuple[Suite, ...]:
        """The tests.

        Raises:
            BenchmarkError: they cannot be read.
            SandboxUnavailable: nothing can be run.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """What answers are graded against. Nothing in here ever reaches a strategy."""

    answer: str | None = None
    """A letter, a number, a text, JSON, a canonical program or one valid plan."""
    tests: tuple[Suite, ...] | Sealed = ()
    """Hidden tests, run one suite after the other; only for `code`."""
    entry_point: str | None = None
    """Name of the function under test; only for `code`."""
    meta: Mapping[str, Json] = field(default_factory=dict)
    """The set's other fields, worked solutions among them; `timeout` and `memory_mb` limit the tests: CPU seconds
    of a suite of asserts, of a run of a whole program, or of a call of a function; MiB."""
    rule: Rule | None = None
    """Scores answers that can be right in parts, or are to be graded by a rule of the set's own; it alone decides."""


@dataclass(frozen=True, slots=True)
class Case:
    """One item of a benchmark. Only `problem` is handed to a strategy."""

    problem: Problem
    reference: Reference
    category: str | None = None
    subject: str | None = None
    split: str | None = None
    """`dev` or `heldout`, or what the set calls its own halves."""
    part: str | None = None
    """`fit` or `eval`: for fitting profiles or weights, and for scoring."""

    @property
    def gradable(self) -> bool:
        """Whether an answer can be called right or wrong. Puzzles and plans need no reference answer for that."""
        problem = self.problem
        if self.reference.rule is not None:
            return True
        match problem.kind:
            case "code":
                return self.reference.tests != ()
            case "plan":
                return "pddl_domain" in problem.meta and "pddl_instance" in problem.meta
            case "game24":
                return True
            case _:
                return self.reference.answer is not None


def part_of(key: str) -> Part:
    """Three tenths of all keys are for fitting: the first 8 hex digits of sha256("part:" + key), modulo 10, below 3."""
    return "fit" if _number("part:" + key) % 10 < 3 else "eval"


def split_of(key: str) -> Split:
    """Half of all keys are for development: the first 8 hex digits of sha256(key) are even."""
    return "dev" if _number(key) % 2 == 0 else "heldout"


def _number(text: str) -> int:
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16)
