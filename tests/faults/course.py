"""Runs of the bench over real HTTP: what is asked, what goes wrong at the server, what came of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from orchestrator.budget import Budget
from orchestrator.engine import JournalView, SqliteJournal
from orchestrator.evals.case import Case, Reference
from orchestrator.evals.results import ResultLine
from orchestrator.evals.runner import Bench, Plan
from orchestrator.folder import RunFolder, view
from orchestrator.ledger import Amount
from orchestrator.types import Expert, Message, Price, Problem, Sampling
from tests.double import Double, Stats

ANSWERS = {"42": 0.5, "41": 0.3, "40": 0.2}
DEAR = Price(0.0001, 0.0003)
Virtual: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end in virtual time."""

KINDS = ("429", "429-ms", "429-date", "429-bare", "500", "503", "502", "504", "reset", "truncated", "invalid_json",
         "wrong_shape", "empty", "one_empty", "hang", "slow")  # fmt: skip
STORMY = ("429", "429-ms", "429-bare", "503", "500", "reset")


def cases(count: int) -> list[Case]:
    """Problems with a number for an answer."""
    return [
        Case(Problem(f"set/{i}", (Message("user", f"Question {i}: how many?"),), kind="number"), Reference("42"))
        for i in range(count)
    ]


@dataclass(frozen=True)
class Disturbance:
    """What goes wrong at the server, drawn from a seed."""

    settings: Mapping[str, Any]

    @classmethod
    def drawn(cls, seed: int) -> Disturbance:
        """Three to six kinds of fault at random, and storms.

        A storm of failures is shorter than an outage after which the circuit breaker gives the expert up.
        """
        rng = random.Random(f"disturbance {seed}")
        kinds = rng.sample(KINDS, rng.randint(3, 6))
        weights = [rng.uniform(0.2, 1) for _ in kinds]
        share = rng.uniform(0.1, 0.3)
        storm = rng.choice(STORMY)
        longest = 25 if storm.startswith("429") else 6
        starts = [rng.randrange(12), rng.randrange(20, 120)]
        return cls(
            {
                "faults": {k: share * w / sum(weights) for k, w in zip(kinds, weights, strict=True)},
                "max_faults": 3,
                "storms": [(start, rng.randint(3, longest)) for start in starts],
                "storm_fault": storm,
                "retry_after": rng.choice([0.2, 1.0, 7.0]),
                "slow_s": 5.0,
            }
        )


def client(seed: int) -> str:
    """Every other two seeds by another way to the server."""
    return ("litellm", "direct")[seed // 2 % 2]


@dataclass(frozen=True)
class Came:
    """What came of a run."""

    lines: list[ResultLine]
    stats: Stats
    requests: list[Any]
    """What the double was asked, where it kept that."""
    paid: Amount
    """The paid meter as a resumed run would find it."""
    open_calls: int
    rows: list[dict[str, Any]]
    bench: Bench
    started: float
    """The loop's clock when it began."""

    @property
    def by_key(self) -> dict[tuple[str, str, int], ResultLine]:
        return {line.key: line for line in self.lines}


@dataclass(frozen=True)
class Course:
    """A run of the bench on a double of its own."""

    strategies: tuple[str, ...]
    problems: int = 8
    sampling: Sampling = Sampling(max_tokens=200)
    budget: Budget = field(default_factory=Budget)
    run_budget: Budget = field(default_factory=Budget)
    concurrency: int = 16
    """Of the expert."""
    at_once: int = 64
    """Problems in flight."""
    timeout: float = 20.0
    server: Mapping[str, Any] = field(default_factory=dict)
    """How the double answers."""
    client: str = "auto"
    """By which the server is asked."""

    async def __call__(self, folder: Path, faults: Mapping[str, Any] | None = None) -> Came:
        """Runs it in `folder`, anew or on."""
        import asyncio

        settings = {"answers": ANSWERS, "latency": "exp:0.3", **self.server, **(faults or {})}
        started = asyncio.get_running_loop().time()
        async with Double(**settings) as double:
            bench = Bench(self._plan(double.base_url), _folder(folder))
            with bench.folder:
                rows = await bench(cases(self.problems))
            stats, requests = double.stats, double.requests
        lines = [ResultLine.read(row) for row in view(folder).results()]
        paid, open_calls = await books(folder)
        return Came(lines, stats, requests, paid, open_calls, rows, bench, started)

    def _plan(self, api_base: str) -> Plan:
        expert = Expert(
            "openai/m", "openai/m", api_base=api_base, sampling=self.sampling, price=DEAR, timeout=self.timeout,
            concurrency=self.concurrency, client=self.client,
        )  # fmt: skip
        return Plan(
            strategies=self.strategies, experts=(expert,), budget=self.budget, run_budget=self.run_budget,
            concurrency=self.at_once,
        )  # fmt: skip


def _folder(path: Path) -> RunFolder:
    return RunFolder.open(path) if (path / "manifest.json").exists() else RunFolder.create(path, {})


async def books(folder: Path) -> tuple[Amount, int]:
    """What a run folder's journal says was paid, failures charged in full, and how many attempts have no end."""
    seen = JournalView(view(folder).journal)
    open_calls = seen.open_calls()
    seen.close()
    journal = SqliteJournal(view(folder).journal)
    await journal.aclose()
    return journal.paid + journal.losses.of("run"), open_calls


def votes(lines: Iterable[ResultLine]) -> dict[tuple[str, str, int], tuple[Counter[str | None], str | None]]:
    """Of each line how often each answer came, and the chosen one where no other came as often."""
    found = {}
    for line in lines:
        counts = Counter(candidate.answer for candidate in line.candidates)
        (_, most), *others = counts.most_common(2)
        found[line.key] = counts, None if others and others[0][1] == most else line.answer
    return found
