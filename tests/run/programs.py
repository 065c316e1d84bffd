"""Random programs over a run, what a sequential execution of each would do, and a real execution of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import strategies as st

from orchestrator.run import Run
from orchestrator.types import Answer, Place, Problem

from .stage import prompt


@dataclass(frozen=True)
class Emit:
    pass


@dataclass(frozen=True)
class Ask:
    pass


@dataclass(frozen=True)
class Roll:
    """Draws a random number."""


@dataclass(frozen=True)
class Fail:
    """Asks, and gets no reply."""


@dataclass(frozen=True)
class Map:
    branches: tuple[Program, ...]


@dataclass(frozen=True)
class Delegate:
    program: Program


@dataclass(frozen=True)
class Collect:
    program: Program


Op: TypeAlias = "Emit | Ask | Roll | Fail | Map | Delegate | Collect"
Program: TypeAlias = "tuple[Op, ...]"


def _nest(ops: st.SearchStrategy[Op]) -> st.SearchStrategy[Op]:
    inner = st.lists(ops, max_size=4).map(tuple)
    return st.one_of(
        st.lists(inner, max_size=4).map(lambda branches: Map(tuple(branches))),
        inner.map(Delegate),
        inner.map(Collect),
    )


def _programs(leaves: st.SearchStrategy[Op]) -> st.SearchStrategy[Program]:
    return st.lists(st.recursive(leaves, _nest, max_leaves=14), min_size=1, max_size=5).map(tuple)


PROGRAMS = _programs(st.sampled_from([Emit(), Ask(), Roll()]))
FAILING = _programs(st.sampled_from([Emit(), Emit(), Ask(), Ask(), Fail()]))


@dataclass(frozen=True)
class Step:
    """One thing that a sequential execution does."""

    op: Emit | Ask | Roll | Fail
    path: Place
    """Of the run on which it happens."""
    next: int
    """What that run's counter says then: an emission takes this number."""
    held: Place | None
    """Path of the outermost collect around it."""

    @property
    def place(self) -> Place:
        return (*self.path, self.next)


def steps(program: Program, path: Place = (), held: Place | None = None) -> Iterator[Step]:
    """What a sequential execution does, in order."""
    m = 0
    for op in program:
        if isinstance(op, Emit | Ask | Roll | Fail):
            yield Step(op, path, m, held)
            m += isinstance(op, Emit)
            continue
        if isinstance(op, Map):
            for i, branch in enumerate(op.branches):
                yield from steps(branch, (*path, m, i), held)
        else:
            child = (*path, m)
            yield from steps(op.program, child, held or (child if isinstance(op, Collect) else None))
        m += 1


class Lost(Exception):
    """Stands for the failed call in the sequential execution."""


def sequential(program: Program, emitted: list[Place], collected: list[Place], path: Place = ()) -> None:
    """Puts into the lists what a sequential execution emits, and what its collects hand out.

    Raises:
        Lost: a call failed outside of any branch.
    """
    m = 0
    for op in program:
        match op:
            case Emit():
                emitted.append((*path, m))
            case Fail():
                raise Lost
            case Map(branches):
                for i, branch in enumerate(branches):
                    with suppress(Lost):
                        sequential(branch, emitted, collected, (*path, m, i))
            case Delegate(inner):
                sequential(inner, emitted, collected, (*path, m))
            case Collect(inner):
                found: list[Place] = []
                try:
                    sequential(inner, found, collected, (*path, m))
                except Lost:
                    if not found:
                        raise
                collected += found
        m += not isinstance(op, Ask | Roll | Fail)


@dataclass
class Log:
    """What a real execution did."""

    answered: list[tuple[Place, int]] = field(default_factory=list)
    """Run's path and number of each question on it, as the replies came."""
    rolls: dict[Place, list[float]] = field(default_factory=lambda: defaultdict(list))
    collected: list[Place] = field(default_factory=list)
    """Places of what collects handed out."""


async def execute(program: Program, run: Run, log: Log) -> None:
    questions = 0
    for op in program:
        match op:
            case Emit():
                run.emit(Answer("text"))
            case Ask():
                await run.generate(prompt(f"{run.path} {questions}"))
                log.answered.append((run.path, questions))
                questions += 1
            case Fail():
                await run.generate(prompt(f"fail {run.path} {questions}"))
            case Roll():
                log.rolls[run.path].append(run.rng.random())
            case Map(branches):
                await run.map(lambda inner, branch: execute(inner, branch, log), branches)
            case Delegate(inner):
                await run.delegate(_Program(inner, log))
            case Collect(inner):
                found = await run.collect(_Program(inner, log))
                log.collected += [candidate.place for candidate in found]


@dataclass(frozen=True)
class _Program:
    program: Program
    log: Log

    async def __call__(self, problem: Problem, run: Run) -> None:
        await execute(self.program, run, self.log)


def questions(program: Program) -> Sequence[tuple[tuple[Place, int], Step]]:
    """All questions in the order of a sequential execution, as the log names them."""
    asked: dict[Place, int] = defaultdict(int)
    found = []
    for step in steps(program):
        if isinstance(step.op, Ask):
            found.append(((step.path, asked[step.path]), step))
            asked[step.path] += 1
    return found
