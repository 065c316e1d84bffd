"""A run on a stage: scripted experts, a journal in memory, a clock that jumps, and a look at what was left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from orchestrator.budget import Budget
from orchestrator.conduct import plain
from orchestrator.engine import Engine, MemoryJournal
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.ledger import Scope
from orchestrator.run import Run, Table
from orchestrator.serving import backend_of, fallbacks_of
from orchestrator.trace import Trace
from orchestrator.types import Candidate, Expert, Message, Problem, Prompt
from tests.clock import VirtualClockLoop

T = TypeVar("T")

PROBLEM = Problem("p", (Message("user", "What is 2 + 2?"),), "number")


def prompt(text: str = "What is 2 + 2?") -> Prompt:
    return Prompt((Message("user", text),))


def echo(id: str = "e", **settings: object) -> ScriptedExpert:
    """One that says who it is, and what it was asked."""
    return ScriptedExpert(lambda request: f"{id}: {request.messages[-1].text}", id=id, **settings)  # type: ignore[arg-type]


@dataclass
class Played(Generic[T]):
    """What came of it."""

    run: Run
    table: Table
    scope: Scope
    wallet: Scope
    journal: MemoryJournal
    emitted: list[Candidate] = field(default_factory=list)
    result: T | None = None
    error: BaseException | None = None
    """What it ended with, out of its groups."""
    seconds: float = 0.0

    @property
    def places(self) -> list[tuple[int, ...]]:
        """Of the candidates, in the order in which they came."""
        return [candidate.place for candidate in self.emitted]

    def events(self, kind: str) -> list[tuple[int, ...]]:
        return [event.place for event in self.table.trace.of(kind)]


def play(
    act: Callable[[Run], Awaitable[T]],
    *experts: ScriptedExpert | Expert,
    problem: Problem = PROBLEM,
    budget: Budget | None = None,
    wallet: Budget | None = None,
    seed: int = 0,
    salt: str = "seed=0",
    roles: Mapping[str, Expert] | None = None,
    journal: MemoryJournal | None = None,
    ends: Callable[[Played[T]], None] | None = None,
    loop: VirtualClockLoop | None = None,
    watch: Callable[[Run], None] | None = None,
) -> Played[T]:
    """Has `act` work on a run of `problem`, and checks that it leaves neither tasks nor reservations behind.

    Args:
        budget, wallet: caps on the problem, and on what is paid.
        ends: looks at the stage while it is still lit.
        watch: is given the run before anything happens.
    """
    values = [expert.value if isinstance(expert, ScriptedExpert) else expert for expert in experts]

    async def main() -> Played[T]:
        purse = Scope("run", wallet or Budget(), paid=True)
        scope = Scope("problem", budget or Budget(), purse)
        kept = journal or MemoryJournal()
        everybody = {expert.id: expert for expert in (*values, *(roles or {}).values())}
        async with Engine(everybody, backend_of, kept) as engine:
            trace = Trace(asyncio.get_running_loop().time)
            table = Table(engine, trace, seed, salt, roles or {}, fallbacks_of(values))
            emitted: list[Candidate] = []
            run = Run(table, problem, values, scope, emitted.append, strategy="test")
            played: Played[T] = Played(run, table, scope, purse, kept, emitted)
            if watch is not None:
                watch(run)
            await _perform(act, played)
            if ends is not None:
                ends(played)
        played.seconds = asyncio.get_running_loop().time()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "tasks were left behind"
        assert (scope.outstanding, purse.outstanding) == (0, 0), "reservations were left behind"
        assert (scope.claims, purse.claims) == (0, 0), "claims were left behind"
        return played

    stage = loop or VirtualClockLoop()
    with asyncio.Runner(loop_factory=lambda: stage) as runner:
        return runner.run(main())


async def _perform(act: Callable[[Run], Awaitable[T]], played: Played[T]) -> None:
    """In a task of its own, so that one that ends cancelled is seen to be."""
    task = asyncio.ensure_future(act(played.run))
    await asyncio.wait([task])
    played.run.end()
    if task.cancelled():
        played.error = asyncio.CancelledError()
    elif (error := task.exception()) is not None:
        played.error = plain(error)
    else:
        played.result = task.result()


def texts(requests: Sequence[object]) -> list[str]:
    """The last message of each request."""
    return [request.messages[-1].text for request in requests]  # type: ignore[attr-defined]
