"""CPU of one call over HTTP: bare clients, ours beside them, and what the engine adds; interleaved, each in a process.

    python -m benchmarks.clients [--calls 1500] [--concurrency 1,32,256] [--rounds 5] [--base-url URL] [CONTESTANT ...]

Every call is another question; a reply has some 300 words. The server is a process of its own, so that the CPU of the
contestant's process is that of the client. A contestant is held against a rival of the same round: what takes the same
way without the engine, or the bare library.
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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
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


def bare_litellm(prefix: str) -> Callable[[str, int], Any]:
    """litellm's own way to a compatible server; ours takes that of `hosted_vllm/`, which is the cheaper one."""

    @asynccontextmanager
    async def opened(base: str, concurrency: int) -> AsyncIterator[Ask]:
        from orchestrator.experts.channel import library

        litellm = library()

        async def ask(question: str) -> str:
            message = {"role": "user", "content": question}
            reply = await litellm.acompletion(
                model=f"{prefix}/{_MODEL}", messages=[message], api_base=base, api_key="none", max_tokens=_CAP
            )
            return str(reply.choices[0].message.content)

        yield ask

    return opened


def _expert(client: str, base: str, concurrency: int) -> Any:
    from orchestrator import Expert

    return Expert("e", f"openai/{_MODEL}", client=client, api_base=base, concurrency=concurrency)


def _asking() -> Callable[[str], Any]:
    """Makes the request of a question."""
    from orchestrator import Message
    from orchestrator.types import Request, Sampling

    sampling = Sampling(max_tokens=_CAP)
    return lambda question: Request("e", f"openai/{_MODEL}", (Message("user", question),), sampling)


def backend(client: str) -> Callable[[str, int], Any]:
    """Ours without the engine."""

    @asynccontextmanager
    async def opened(base: str, concurrency: int) -> AsyncIterator[Ask]:
        from orchestrator.serving import backend_of

        served, request = backend_of(_expert(client, base, concurrency)), _asking()

        async def ask(question: str) -> str:
            return (await served.complete([request(question)])).completions[0].text

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
            seat, request = Seat(unlimited()), _asking()
            async with Engine({"e": expert}, made, journal) as running:

                async def ask(question: str) -> str:
                    return (await running.ask(request(question), seat)).completion.text

                yield ask

    return opened


class Still:
    """Answers at once."""

    journalled, max_n = True, 128

    def __init__(self) -> None:
        from orchestrator.types import Completion, Response, Tokens

        bill = Tokens(100, 300)
        self._response = Response((Completion("word " * 300, tokens=bill),), bill)

    async def prepare(self) -> None:
        return None

    async def complete(self, batch: Sequence[Any]) -> Any:
        return self._response

    async def aclose(self) -> None:
        return None


CONTESTANTS: dict[str, Callable[[str, int], Any]] = {
    "aiohttp alone": bare_aiohttp,
    "litellm alone": bare_litellm("hosted_vllm"),
    "litellm alone, openai/": bare_litellm("openai"),
    "ours, direct, no engine": backend("direct"),
    "ours, litellm, no engine": backend("litellm"),
    "engine, no HTTP, memory": engine("still", False),
    "engine, no HTTP, journal": engine("still", True),
    "ours, direct, memory": engine("direct", False),
    "ours, direct, journal": engine("direct", True),
    "ours, litellm, journal": engine("litellm", True),
}

RIVALS = {
    "litellm alone, openai/": "litellm alone",
    "ours, direct, no engine": "aiohttp alone",
    "ours, litellm, no engine": "litellm alone",
    "engine, no HTTP, journal": "engine, no HTTP, memory",
    "ours, direct, memory": "ours, direct, no engine",
    "ours, direct, journal": "ours, direct, no engine",
    "ours, litellm, journal": "litellm alone",
}

Figures: TypeAlias = dict[str, float]


async def measured(name: str, base: str, calls: int, concurrencies: Sequence[int], seed: int) -> list[Figures]:
    """What the calls of one contestant took, for each number of calls at a time."""
    found = []
    async with CONTESTANTS[name](base, max(concurrencies)) as ask:
        for concurrency in concurrencies:
            await _all(ask, [f"warm {seed} {concurrency} {i}?{_PADDING}" for i in range(_WARM)], concurrency)
            questions = [f"What is {i} times {seed} by {concurrency}?{_PADDING}" for i in range(calls)]
            cpu, wall = time.process_time(), time.perf_counter()
            await _all(ask, questions, concurrency)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found.append({"cpu_ms": cpu / calls * 1000, "rate": calls / wall, "peak_mb": peak})
    return found


async def _all(ask: Ask, questions: Sequence[str], concurrency: int) -> None:
    waiting = iter(questions)

    async def work() -> None:
        for question in waiting:
            await ask(question)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


def apart(name: str, base: str, calls: int, concurrencies: Sequence[int], seed: int) -> list[Figures]:
    """One contestant in a process of its own."""
    one = json.dumps([name, base, calls, concurrencies, seed])
    command = [sys.executable, "-m", "benchmarks.clients", "--one", one]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    found: list[Figures] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(runs: dict[str, list[Figures]]) -> None:
    """One line a contestant: its medians, and what it takes beyond its rival, which is compared round by round."""
    print(f"{'':26}{'CPU ms':>8}{'lowest':>8}{'/s/core':>9}{'/s':>7}{'peak MB':>9}  {'over its rival':>14}")
    for name, found in runs.items():
        medians = {key: statistics.median(run[key] for run in found) for key in found[0]}
        cpu, least = medians["cpu_ms"], min(run["cpu_ms"] for run in found)
        line = f"{name:26}{cpu:8.3f}{least:8.3f}{1000 / cpu:9.0f}{medians['rate']:7.0f}{medians['peak_mb']:9.0f}"
        rival = RIVALS.get(name)
        if rival in runs:
            pairs = [(one["cpu_ms"], other["cpu_ms"]) for one, other in zip(found, runs[rival], strict=True)]
            over = statistics.median(one - other for one, other in pairs)
            times = statistics.median(one / other for one, other in pairs)
            line += f"  {over:+8.3f} ms, {times:.2f} x {rival}"
        print(line, flush=True)


@contextmanager
def served() -> Iterator[str]:
    """Base URL of a server that answers at once."""
    with DoubleProcess(words=(280, 320)) as server:
        yield server.base_url


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contestants", nargs="*", metavar="CONTESTANT", help=f"of: {'; '.join(CONTESTANTS)}")
    parser.add_argument("--calls", type=int, default=1500, help="a round; a fifth of them by litellm")
    parser.add_argument("--concurrency", type=_numbers, default=[1, 32, 256], help="one or more: 1,32,256")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--base-url", help="of another server that speaks OpenAI's protocol and answers at once")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(asyncio.run(measured(*json.loads(asked.one)))))
        return
    if unknown := set(asked.contestants) - CONTESTANTS.keys():
        parser.error(f"no such contestant: {', '.join(sorted(unknown))}")
    names = asked.contestants or list(CONTESTANTS)
    runs: dict[int, dict[str, list[Figures]]] = {at: {name: [] for name in names} for at in asked.concurrency}
    loads = []
    with nullcontext(asked.base_url) if asked.base_url else served() as base:
        for number in range(asked.rounds):
            for name in random.Random(number).sample(names, len(names)):
                loads.append(os.getloadavg()[0])
                calls = asked.calls // 5 if "litellm" in name else asked.calls
                for at, found in zip(
                    asked.concurrency, apart(name, base, calls, asked.concurrency, number), strict=True
                ):
                    runs[at][name].append(found)
    for at, by_name in runs.items():
        print(f"\n{at} at a time, medians of {asked.rounds} rounds; load {min(loads):.1f}-{max(loads):.1f}")
        report(by_name)


if __name__ == "__main__":
    main()
