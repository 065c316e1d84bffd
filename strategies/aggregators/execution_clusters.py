"""Programs that do the same on the same inputs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from math import fsum
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from orchestrator.sandbox import Limits, Output, Value
from orchestrator.types import Choice, Estimate, Problem, Scored

from .._running import outputs
from .._written import Writing, WrittenTests, read_tests, testable, written_tests
from ._programs import Group, of_groups, programs_of, sources
from ._votes import NOTHING, Class, elected

if TYPE_CHECKING:
    from orchestrator.run import Run

_Behaviour: TypeAlias = tuple[str, ...]
"""What a program did on each input, spelled out."""

_LONG = 200
_LARGE = 10**18


@dataclass(frozen=True, slots=True)
class ExecutionClusters:
    """Chooses the program that most others agree with, by what they return on the same inputs (Li et al., 2022).

    1. Inputs: the arguments of the public tests and of tests that a model writes, which is asked once for all
       candidates. What the tests expect does not matter.
    2. Runs: every different program on every input. A crash or a time-out is an outcome like any other.
    3. Clusters: programs with the same outcomes throughout. `rule="largest"` chooses the cluster that most candidates
       are in; `rule="mbr"` the one that shares most outcomes with all other candidates (minimum Bayes risk; Shi et al.,
       2022), which also counts programs that agree on most inputs. Programs that fail on every input never win.
    4. Choice: of the cluster the program that most candidates wrote, of equals the earliest; or with `pick="planned"`
       one of the plan that most different programs of the cluster were written by, of these the shortest.

    Where the problem has public tests, only the programs take part that pass most of them. Without any input the
    majority is chosen.

    Raises:
        ValueError: a field is out of its range.
    """

    rule: Literal["largest", "mbr"] = "largest"
    pick: Literal["written", "planned"] = "written"
    """Which program stands for its cluster. `planned` counts plans instead of copies: a plan that leads to the same
    behaviour by several programs is the surer one. For strategies that plan, such as `plansearch`."""
    inputs: int = 50
    """Inputs at the most; those that are written most often come first."""
    samples: int = 10
    """Replies that inputs are taken from; as in `codet`, so that both ask for the same."""
    per_sample: int = 5
    """Tests that are taken of each reply at the most, from its beginning."""
    temperature: float | None = 0.8
    """`None`: the provider's default."""
    top_p: float | None = 0.95
    """Share of the likeliest tokens that each reply samples from."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""
    timeout: float = 2.0
    """CPU seconds for all inputs of a program together. One that takes a fourth of them by itself ends the run that it
    is in, and the others go on in another."""
    memory_mb: int = 1024
    """Memory that a program may take."""

    needs: ClassVar[str] = "problems of kind code that ask for a function"

    def __post_init__(self) -> None:
        self._writing()
        if self.rule not in ("largest", "mbr"):
            raise ValueError("rule is largest or mbr")
        if self.pick not in ("written", "planned"):
            raise ValueError("pick is written or planned")
        if self.inputs < 1:
            raise ValueError("inputs is at least 1")
        if not self.timeout > 0:
            raise ValueError("timeout is more than 0 seconds")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        classes = await programs_of(problem, scored, run)
        if len(classes) < 2:
            return elected(classes, [len(members) for members in classes], "vote") if classes else NOTHING
        written = await written_tests(problem, run, self._writing())
        inputs = await self._inputs(problem, written, run)
        if not inputs:
            return elected(classes, [len(members) for members in classes], "vote")
        limits = Limits(self.timeout, memory_mb=self.memory_mb, output_mb=1)
        found = await outputs(sources(classes), written.entry, inputs, limits, run)
        # Off the event loop: a value may have a million parts.
        behaviours = await asyncio.to_thread(lambda: [tuple(map(spelled, one)) for one in found])
        clusters = self._clusters(classes, behaviours)
        return of_groups(clusters, "vote" if self.rule == "largest" else "weight", self.pick == "planned")

    async def _inputs(self, problem: Problem, written: WrittenTests, run: Run) -> tuple[tuple[Value, ...], ...]:
        """Arguments of public tests first."""
        shown = await read_tests(problem.public_tests, written.entry, run) if problem.public_tests else None
        known = shown.inputs(self.inputs) if shown else ()
        seen = set(map(repr, known))
        return (*known, *(args for args in written.inputs(self.inputs) if repr(args) not in seen))[: self.inputs]

    def _clusters(self, classes: Sequence[Class], behaviours: Sequence[_Behaviour]) -> list[Group]:
        alike: dict[_Behaviour, list[Class]] = defaultdict(list)
        for members, behaviour in zip(classes, behaviours, strict=True):
            alike[behaviour].append(members)
        sizes = {behaviour: sum(map(len, found)) for behaviour, found in alike.items()}
        weight = sizes.__getitem__ if self.rule == "largest" else partial(_agreement, sizes)
        return [
            Group(tuple(found), float(weight(behaviour)) if any(one[0] == "=" for one in behaviour) else 0.0)
            for behaviour, found in alike.items()
        ]

    def _writing(self) -> Writing:
        return Writing(self.samples, self.per_sample, self.temperature, self.top_p, self.max_tokens)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on two candidates or more."""
        return self.estimate_over(problem, experts, 2)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """None where there is nothing to choose, and none where no tests can be written: for other kinds than code,
        and for whole programs."""
        calls = self.samples if testable(problem) and candidates > 1 else 0
        return Estimate(0, float(calls), calls, int(calls > 0))


def _agreement(sizes: Mapping[_Behaviour, int], behaviour: _Behaviour) -> float:
    """The mean share of outcomes that a candidate of this behaviour has in common with all others."""
    others = sum(sizes.values()) - 1
    alike = fsum(
        size * sum(a == b for a, b in zip(behaviour, other, strict=True)) / len(behaviour)
        for other, size in sizes.items()
    )
    return (alike - 1) / others  # itself, which agrees with itself throughout, left out


def spelled(output: Output) -> str:
    """What happened, in a spelling that equal outcomes share; values begin with an equals sign."""
    if output.verdict != "passed":
        return output.exception or output.verdict
    text = f"={_value(output.value)}"
    return text if len(text) < _LONG else f"={blake2b(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _value(value: object) -> str:
    """A spelling that equal values share: numbers by value, near floats alike, sets and dicts in any order."""
    match value:
        case bool() | int():
            return str(int(value)) if abs(value) < _LARGE else hex(value)
        case float() if value.is_integer() and abs(value) < _LARGE:
            return str(int(value))
        case float():
            return f"{value:.9g}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case tuple():
            return f"({', '.join(map(_value, value))})"
        case set() | frozenset():
            return f"{{{', '.join(sorted(map(_value, value)))}}}"
        case dict():
            return f"{{{', '.join(sorted(f'{_value(k)}: {_value(v)}' for k, v in value.items()))}}}"
    return repr(value)
