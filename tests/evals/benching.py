"""Small benches on scripted experts, in the test's own process and on its own clock."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.engine import JournalView
from orchestrator.errors import ConfigError
from orchestrator.evals.case import Case, Reference
from orchestrator.evals.runner import Bench, Plan
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.folder import RunFolder
from orchestrator.types import Kind, Message, Problem, Request

Row = dict[str, Any]
VOTE = "self_consistency(samples=3)"


def cases(count: int, *, start: int = 0, kind: Kind = "number") -> Iterable[Case]:
    """Problems `toy/I` that ask for the double of I, made as they are read."""
    for i in range(start, start + count):
        problem = Problem(f"toy/{i}", (Message("user", f"What is twice {i}?"),), kind)
        yield Case(problem, Reference(str(2 * i)))


def doubled(request: Request) -> str:
    """The right answer for two samples in three."""
    number = int(re.findall(r"twice (\d+)", request.messages[-1].text)[-1])
    return f"The answer is {2 * number + (request.sample_index % 3 == 2)}."


def plan_of(*experts: ScriptedExpert, strategies: tuple[str, ...] = ("cot",), **settings: Any) -> Plan:
    return Plan(strategies, tuple(expert.value for expert in experts), **settings)


def bench(folder: Path, plan: Plan, problems: Iterable[Case], watcher: Any = None) -> tuple[Bench, list[Row]]:
    """Runs a plan in a folder, new or not, and returns the bench with its rows."""
    made = RunFolder.open(folder) if folder.exists() else RunFolder.create(folder, {})
    with made as owned:
        work = Bench(plan, owned, watcher)
        return work, asyncio.run(work(problems))


def lines(folder: Path) -> list[str]:
    return sorted((folder / "results.jsonl").read_text().splitlines())


def rows(folder: Path) -> list[Row]:
    return [json.loads(line) for line in lines(folder)]


def traced(folder: Path) -> list[Row]:
    return [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]


def open_calls(folder: Path) -> int:
    """Attempts that the journal does not know the end of."""
    journal = JournalView(folder / "journal.sqlite")
    try:
        return journal.open_calls()
    finally:
        journal.close()


def in_flight(folder: Path) -> bool:
    """Whether a call of a bench in another process is under way; it may not have got as far as to have a journal."""
    with suppress(ConfigError):
        return open_calls(folder) > 0
    return False


class Watcher:
    """Looks as often as it can, calls `act` with the bench, and keeps what it is told."""

    def __init__(self, act: Callable[[Bench], None] = lambda _: None, every: float = 0.0) -> None:
        self.act, self.every = act, every
        self.told: list[str] = []
        self.looks = 0

    async def look(self, work: Bench) -> float:
        self.looks += 1
        self.act(work)
        return self.every

    def tell(self, text: str) -> None:
        self.told.append(text)
