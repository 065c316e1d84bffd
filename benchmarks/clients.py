"""CPU of one call over HTTP: bare clients, ours beside them, and what the engine adds; interleaved, each in a process.

    python -m benchmarks.clients [--calls 2000] [--concurrency 32] [--rounds 5] [CONTESTANT ...]

Every call is another question; a reply has some 300 words. The server is a process of its own, so that the CPU of the
contestant's process is that of the client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from tests.double import DoubleProcess

Ask: TypeAlias = Callable[[str], Awaitable[object]]
_PADDING = " Reason step by step, and name each of the facts that you use." * 6
_MODEL, _CAP = "m", 2048
_WARM = 50
"""Calls before the measured ones: imports, connections, caches."""


@asynccontextmanager
async def bare_aiohttp(base: str, concurrency: int) -> AsyncIterator[Ask]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(question: str) -> str:
            body = {"model": _MODEL, "messages": [{"role": "user", "content": question}], "max_tokens": _CAP}
            async with session.post(f"{base}/chat/completions", json=body) as reply:
                return str((await reply.json())["choices"][0]["message"]["content"])

        yield ask


@asynccontextmanager
async def bare_litellm(base: str, concurrency: int) -> AsyncIterator[Ask]:
    from orchestrator.experts.channel import library

    litellm = library()

    async def ask(question: str) -> str:
        message = {"role": "user", "content": question}
        reply = await litellm.acompletion(
            model=f"openai/{_MODEL}", messages=[message], api_base=base, api_key="none", max_tokens=_CAP
        )
        return str(reply.choices[0].message.content)

    yield ask


def _expert(client: str, base: str, concurrency: int) -> Any:
    from orchestrator import Expert

    return Expert("e", f"openai/{_MODEL}", client=client, api_base=base, concurrency=concurrency)


def _request(question: str) -> Any:
    from orchestrator import Message
    from orchestrator.types import Request, Sampling

    return Request("e", f"openai/{_MODEL}", (Message("user", question),), Sampling(max_tokens=_CAP))


def backend(client: str) -> Callable[[str, int], Any]:
    """Ours without the engine."""

    @asynccontextmanager
    async def opened(base: str, concurrency: int) -> AsyncIterator[Ask]:
        from orchestrator.serving import backend_of

        served = backend_of(_expert(client, base, concurrency))

        async def ask(question: str) -> str:
            return (await served.complete([_request(question)])).completions[0].text

        yield ask
        await served.aclose()

    return opened


def engine(client: str, on_disk: bool) -> Callable[[str, int], Any]:
    """Ours with everything that a call passes; `still` is an expert that answers at once, without HTTP."""

    @asynccontextmanager
    async def opened(base: str, concurrency: int) -> AsyncIterator[Ask]:
        from orchestrator.engine import Engine, MemoryJournal, Seat, SqliteJournal, unlimited
        from orchestrator.serving import backend_of

        expert = _expert("litellm" if client == "still" else client, base, concurrency)
        with tempfile.TemporaryDirectory() as folder:
            journal = SqliteJournal(Path(folder) / "journal.sqlite") if on_disk else MemoryJournal()
            made = (lambda _: Still()) if client == "still" else backend_of
            seat = Seat(unlimited())
            async with Engine({"e": expert}, made, journal) as running:

                async def ask(question: str) -> str:
                    return (await running.ask(_request(question), seat)).completion.text

                yield ask

    return opened


class Still:
    """Answers at once."""

    journalled, max_n = True, 128

    async def complete(self, batch: Sequence[Any]) -> Any:
        from orchestrator.types import Completion, Response, Tokens

        bill = Tokens(100, 300)
        return Response((Completion("word " * 300, tokens=bill),), bill)

    async def aclose(self) -> None:
        return None


CONTESTANTS: dict[str, Callable[[str, int], Any]] = {
    "aiohttp alone": bare_aiohttp,
    "litellm alone": bare_litellm,
    "ours, direct, no engine": backend("direct"),
    "ours, litellm, no engine": backend("litellm"),
    "engine, no HTTP, memory": engine("still", False),
    "engine, no HTTP, journal": engine("still", True),
    "ours, direct, memory": engine("direct", False),
    "ours, direct, journal": engine("direct", True),
    "ours, litellm, journal": engine("litellm", True),
}


async def measured(name: str, base: str, calls: int, concurrency: int, seed: int) -> dict[str, float]:
    """What the calls of one contestant took."""
    async with CONTESTANTS[name](base, concurrency) as ask:
        await _all(ask, [f"warm {seed} {i}?{_PADDING}" for i in range(_WARM)], concurrency)
        questions = [f"What is {i} times {seed}?{_PADDING}" for i in range(calls)]
        cpu, wall = time.process_time(), time.perf_counter()
        await _all(ask, questions, concurrency)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_ms": cpu / calls * 1000, "rate": calls / wall, "peak_mb": peak}


async def _all(ask: Ask, questions: Sequence[str], concurrency: int) -> None:
    waiting = iter(questions)

    async def work() -> None:
        for question in waiting:
            await ask(question)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


def apart(name: str, base: str, calls: int, concurrency: int, seed: int) -> dict[str, float]:
    """One contestant in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.clients", "--one", json.dumps([name, base, calls, concurrency, seed])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contestants", nargs="*", help=f"all if none is given: {', '.join(CONTESTANTS)}")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(asyncio.run(measured(*json.loads(asked.one)))))
        return
    names = asked.contestants or list(CONTESTANTS)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    loads = []
    with DoubleProcess(words=(280, 320)) as server:
        for number in range(asked.rounds):
            for name in random.Random(number).sample(names, len(names)):
                loads.append(os.getloadavg()[0])
                calls = asked.calls // 4 if "litellm" in name else asked.calls
                runs[name].append(apart(name, server.base_url, calls, asked.concurrency, number))
    print(f"{asked.concurrency} at a time, medians of {asked.rounds} rounds; load {min(loads):.1f}-{max(loads):.1f}")
    print(f"{'':26} {'CPU ms a call':>14} {'lowest':>8} {'calls/s':>9} {'peak MB':>8}")
    for name, found in runs.items():
        medians = {key: statistics.median(run[key] for run in found) for key in found[0]}
        least = min(run["cpu_ms"] for run in found)
        print(f"{name:26} {medians['cpu_ms']:14.3f} {least:8.3f} {medians['rate']:9.0f} {medians['peak_mb']:8.0f}")


if __name__ == "__main__":
    main()
