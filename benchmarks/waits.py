"""Wall time of every strategy against a server that takes its time: nothing that could run together may wait.

    python -m benchmarks.waits [--client litellm|direct] [--latency 0.2] [--rounds 3] [STRATEGY ...]

A strategy may take depth x latency + 1.1 x calls x CPU of a call by the bare client (litellm, or aiohttp for `direct`),
measured in the same run, + 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from orchestrator import Expert, Orchestrator
from orchestrator.contest import contestant_for
from orchestrator.evals.sets import open_set
from orchestrator.fitting import estimated
from tests.double import DoubleProcess
from tests.strategies.entry import Entry, entry, names

_SETS = {
    "choice": "choice", "number": "word_problems", "code": "code", "game24": "game24", "plan": "blocksworld",
}  # fmt: skip
_WHO = ("ada", "blaise", "clio")
_CONFIDENT = ("deepconf",)
"""Those that ask for log-probabilities."""
_BARE = 200
Ask: TypeAlias = Callable[[str], Awaitable[None]]
_SLACK = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy's median round."""

    name: str
    calls: int
    depth: int
    wall: float
    bound: float

    def __str__(self) -> str:
        verdict = "ok" if self.wall <= self.bound else "TOO LONG"
        return f"{self.name:18} {self.calls:6} {self.depth:6} {self.wall:8.3f} {self.bound:8.3f}  {verdict}"


async def bare(client: str, base_url: str, alternatives: int | None = None) -> float:
    """CPU seconds of a call by litellm or aiohttp alone, many under way at once.

    Args:
        alternatives: log-probabilities asked for, which litellm takes long to read.
    """
    cases = islice(open_set("word_problems"), _BARE)
    questions = [f"{case.problem.question}\n\nReason step by step. {case.problem.format}" for case in cases]
    extra: dict[str, Any] = {} if alternatives is None else {"logprobs": True, "top_logprobs": alternatives}
    async with (_by_litellm if client == "litellm" else _by_aiohttp)(base_url, extra) as ask:
        await ask(questions[0])
        start = time.process_time()
        async with asyncio.TaskGroup() as group:
            for question in questions:
                group.create_task(_asked(ask, question))
        return (time.process_time() - start) / _BARE


async def _asked(ask: Ask, question: str) -> None:
    await ask(question)


@asynccontextmanager
async def _by_litellm(base_url: str, extra: Mapping[str, Any]) -> AsyncIterator[Ask]:
    import litellm

    async def ask(question: str) -> None:
        await litellm.acompletion(**_body(f"openai/{_WHO[0]}", question), api_base=base_url, api_key="none", **extra)

    yield ask


@asynccontextmanager
async def _by_aiohttp(base_url: str, extra: Mapping[str, Any]) -> AsyncIterator[Ask]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(question: str) -> None:
            body = {**_body(_WHO[0], question), **extra}
            async with session.post(f"{base_url}/chat/completions", json=body) as reply:
                await reply.json()

        yield ask


def _body(model: str, question: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": 2048}


async def walls(one: Entry, experts: Sequence[Expert], rounds: int) -> tuple[int, int, float]:
    """Calls, depth, and the median wall time; each round is a wallet of its own, so that nothing is cached."""
    name = "codenames" if "codenames" in one.problem.meta else _SETS.get(one.problem.kind, "word_problems")
    problem = next(iter(open_set(name))).problem
    found, calls = [], 0
    with tempfile.TemporaryDirectory() as folder:
        spec = one.spec_in(Path(folder))
        for seed in range(rounds):
            async with Orchestrator(experts=experts, seed=seed) as orchestrator:
                if problem.kind == "code":  # the sandbox's servers start once, as they do in any run
                    await orchestrator.solve(problem, strategy=spec, seed=rounds + seed)
                start = time.perf_counter()
                out = await orchestrator.solve(problem, strategy=spec)
                found.append(time.perf_counter() - start)
                calls = max(calls, out.usage.calls)
        told = estimated(contestant_for(problem, spec, None, None), problem, len(experts))
    assert told is not None
    return calls, told.depth, statistics.median(found)


async def measure(client: str, base_url: str, chosen: Sequence[str], latency: float, rounds: int) -> bool:
    rows = []
    cpu = {None: [await bare(client, base_url)], 20: [await bare(client, base_url, 20)]}
    for name in chosen:
        one = entry(name)
        ids = _WHO[: max(1, min(len(one.experts), len(_WHO)))]
        experts = [
            Expert(f"openai/{who}", f"openai/{who}", client, api_base=base_url, concurrency=10_000) for who in ids
        ]
        calls, depth, wall = await walls(one, experts, rounds)
        rows.append(Row(name, calls, depth, wall, 0.0))
    cpu[None].append(await bare(client, base_url))
    means = {alternatives: statistics.mean(found) for alternatives, found in cpu.items()}
    print(
        f"{'litellm' if client == 'litellm' else 'aiohttp'} alone: {means[None] * 1000:.2f} ms of CPU a call, "
        f"{means[20] * 1000:.2f} with log-probabilities; a reply takes {latency * 1000:.0f} ms"
    )
    print(f"{'strategy':18} {'calls':>6} {'depth':>6} {'wall s':>8} {'bound s':>8}")
    held = True
    for row in rows:
        each = means[20 if row.name in _CONFIDENT else None]
        told = replace(row, bound=row.depth * latency + 1.1 * row.calls * each + _SLACK)
        held = held and told.wall <= told.bound
        print(told)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strategies", nargs="*", help="names; all if none is given")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that a reply takes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--client", choices=["litellm", "direct"], default="litellm")
    asked = parser.parse_args()
    models = {name: {"simulated": name} for name in _WHO}
    with DoubleProcess(models=models, latency=asked.latency, vary_repeats=True) as server:
        held = asyncio.run(
            measure(asked.client, server.base_url, asked.strategies or names(), asked.latency, asked.rounds)
        )
    sys.exit(not held)


if __name__ == "__main__":
    main()
