"""Experts that judge by script, and runs for verifiers and aggregators to judge on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.ledger import Scope
from orchestrator.run import Run, Table
from orchestrator.sandbox import Sandbox
from orchestrator.serving import backend_of
from orchestrator.trace import Trace
from orchestrator.types import Candidate, Choice, Expert, Message, Problem, Request
from tests.run.stage import Played, play

T = TypeVar("T")

ASKED = Problem("p", (Message("user", "How many legs has a spider?"),), "number")


def named(expert: ScriptedExpert, id: str, model: str | None = None) -> Expert:
    """The expert under another name."""
    return replace(expert.value, id=id, model=model or id)


def saying(*replies: str) -> ScriptedExpert:
    """Says the replies in turn, one a request."""
    left = list(replies)
    return ScriptedExpert(lambda request: left.pop(0) if len(left) > 1 else left[0], max_n=1)


def answered(number: int, answer: str | None, *, text: str = "", expert: str = "author") -> Candidate:
    """The candidate of that number."""
    return Candidate(str(number), "p", text or f"So it is {answer}.", answer, answer, expert, "s", (number,))


def beside(act: Callable[[Run], Awaitable[T]]) -> Callable[[Run], Awaitable[T]]:
    """On a run of the sort that verifiers and aggregators are given."""
    return lambda run: act(run.beside((7, 0)))


def judged(
    act: Callable[[Run], Awaitable[T]],
    experts: Sequence[Expert | ScriptedExpert],
    *,
    problem: Problem = ASKED,
    judge: Expert | None = None,
    budget: Budget | None = None,
) -> Played[T]:
    """Has a verifier or an aggregator work."""
    return play(beside(act), *experts, problem=problem, roles={} if judge is None else {"judge": judge}, budget=budget)


@asynccontextmanager
async def running(
    sandbox: Sandbox, problem: Problem, *experts: ScriptedExpert | Expert, roles: Mapping[str, Expert] | None = None
) -> AsyncIterator[Run]:
    """A run for a verifier or an aggregator that runs programs, on a clock like any other."""
    values = [expert.value if isinstance(expert, ScriptedExpert) else expert for expert in experts]
    everybody = {expert.id: expert for expert in (*values, *(roles or {}).values())}
    async with Engine(everybody, backend_of, MemoryJournal()) as engine:
        trace = Trace(asyncio.get_running_loop().time)
        table = Table(engine, trace, 0, "seed=0", roles or {}, {}, sandbox=sandbox)
        yield Run(table, problem, values, Scope("problem", Budget()), lambda _: None).beside((7, 0))


def last_words(request: Request) -> str:
    """What was asked last."""
    return request.messages[-1].text


def ids(choice: Choice) -> list[str]:
    """Of the candidates, the best first."""
    return [one.id for one in choice.ranking]
