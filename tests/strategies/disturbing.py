"""Entries of the table in odd settings: experts that lose calls, replies at random paces, caps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TypeAlias

from orchestrator import Budget, Outcome
from orchestrator.conduct import Conduct, Setting
from orchestrator.contest import contestant_for
from orchestrator.engine import Engine, MemoryJournal
from orchestrator.errors import ExpertError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.ledger import Scope
from orchestrator.sandbox import Sandbox
from orchestrator.serving import backend_of
from orchestrator.types import Completion, Expert, Price, Problem, Request

from .entry import Entry

Script: TypeAlias = Callable[[Request], str | Completion]


def forgiving(one: Entry) -> Script:
    """What the entry's script says; what it was not written for is answered with the right answer."""

    def answer(request: Request) -> str | Completion:
        try:
            return one.script(request)
        except (LookupError, StopIteration):
            return f"The answer is {one.right}."

    return answer


def drawn(request: Request, seed: int) -> int:
    """A number from 0 to 255 that a request always gets."""
    text = f"{seed}|{request.expert}|{request.sample_index}|{request.salt}|{request.messages}"
    return blake2b(text.encode(), digest_size=1).digest()[0]


def losing(script: Script, error: Callable[[Request], ExpertError], seed: int, share: float = 1 / 3) -> Script:
    """Loses a share of the calls, in every attempt: which ones, their requests tell."""

    def answer(request: Request) -> str | Completion:
        if drawn(request, seed) < 256 * share:
            raise error(request)
        return script(request)

    return answer


def pool(
    script: Script,
    names: Sequence[str],
    *,
    at_once: int = 10_000,
    latency: float | str = 0.0,
    seed: int = 0,
    price: Price | None = None,
) -> list[Expert]:
    made = [ScriptedExpert(script, id=name, latency=latency, seed=seed, max_n=1, price=price) for name in names]
    return [replace(expert.value, concurrency=at_once) for expert in made]


async def benched(
    problem: Problem,
    experts: Sequence[Expert],
    spec: str,
    budget: Budget | None = None,
    wallet: Scope | None = None,
) -> Outcome:
    """As a benchmark solves it: there a check that is passed ends the search once nothing before it is open."""
    async with Engine({e.id: e for e in experts}, backend_of, MemoryJournal()) as engine, Sandbox() as sandbox:
        setting = Setting(engine, tuple(experts), sandbox=sandbox, prefix_only=True)
        contestant = contestant_for(problem, spec, None, None)
        return await Conduct(problem, contestant, setting, Scope("problem", budget or Budget(), wallet))()
