"""CPU of one call in the engine alone, without HTTP: what each part of its way adds, and in which modules it is spent.

    python -m benchmarks.engine [--calls 4000] [--concurrency 32] [--rounds 5] [--profile]

The expert answers at once. Every case runs once a round, in random order, in a process of its own. `--profile` shows
where the time of a call with its journal on disk goes; the profiler makes all of it slower, so that shares count.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from orchestrator import Message
from orchestrator.budget import Budget
from orchestrator.engine import Engine, Journal, MemoryJournal, Seat, SqliteJournal, unlimited
from orchestrator.ledger import Scope
from orchestrator.types import Completion, Expert, Request, Response, Sampling, Tokens

Ask: TypeAlias = Callable[[int], Awaitable[object]]

_PADDING = " Reason step by step, and name each of the facts that you use." * 6
_SAMPLING = Sampling(max_tokens=2048)
_MODULES = 14
"""Lines of a profile."""


class Still:
    """Answers at once, one reply to each request of a batch."""

    journalled, max_n = True, 128

    def __init__(self) -> None:
        self._one = Completion("word " * 300, tokens=Tokens(100, 300))

    async def prepare(self) -> None:
        return None

    async def complete(self, batch: list[Request]) -> Response:
        return Response((self._one,) * len(batch), Tokens(100, 300 * len(batch)))

    async def aclose(self) -> None:
        return None


def request(number: int, sample: int = 0) -> Request:
    question = f"What is {number}?{_PADDING}"
    return Request("e", "m", (Message("user", question),), _SAMPLING, sample_index=sample)


def only_the_request(engine: Engine, seat: Seat) -> Ask:
    async def ask(number: int) -> None:
        request(number)

    return ask


def one_sample(engine: Engine, seat: Seat) -> Ask:
    return lambda number: engine.ask(request(number), seat)


def of_eight_together(engine: Engine, seat: Seat) -> Ask:
    latest = request(0), 0

    def ask(number: int) -> Awaitable[object]:
        nonlocal latest
        if latest[1] != number // 8:
            latest = request(number // 8), number // 8
        return engine.ask(latest[0].sample(number % 8), seat)

    return ask


def said_before(engine: Engine, seat: Seat) -> Ask:
    return lambda number: engine.ask(request(number % 16), seat)


CASES: dict[str, tuple[Callable[[Engine, Seat], Ask], bool, int]] = {
    "the request and its key": (only_the_request, False, 1),
    "with a journal in memory": (one_sample, False, 1),
    "with a journal on disk": (one_sample, True, 1),
    "under three capped scopes": (one_sample, True, 3),
    "eight samples a call": (of_eight_together, True, 1),
    "from the journal on disk": (said_before, True, 1),
}


def seat(scopes: int) -> Seat:
    scope = unlimited()
    for depth in range(scopes - 1):
        scope = Scope(f"scope {depth}", Budget(calls=10**9, tokens=10**12), scope)
    return Seat(scope)


async def measured(case: str, calls: int, concurrency: int, profile: cProfile.Profile | None = None) -> float:
    """CPU of one call, in microseconds."""
    making, on_disk, scopes = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        journal: Journal = SqliteJournal(Path(folder) / "journal.sqlite") if on_disk else MemoryJournal()
        expert = Expert("e", "m", concurrency=concurrency)
        async with Engine({"e": expert}, lambda _: Still(), journal) as engine:  # type: ignore[arg-type,return-value]
            ask = making(engine, seat(scopes))
            await _all(ask, range(-400, 0), concurrency)
            if profile is not None:
                profile.enable()
            cpu = time.process_time()
            await _all(ask, range(calls), concurrency)
            cpu = time.process_time() - cpu
            if profile is not None:
                profile.disable()
    return cpu / calls * 1e6


async def _all(ask: Ask, numbers: range, concurrency: int) -> None:
    waiting = iter(numbers)

    async def work() -> None:
        for number in waiting:
            await ask(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


def apart(case: str, calls: int, concurrency: int) -> float:
    """One case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine", "--one", json.dumps([case, calls, concurrency])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{case} failed:\n{done.stderr}")
    return float(done.stdout)


def profiled(calls: int, concurrency: int) -> None:
    """Prints the share of each module in the time of the event loop's thread."""
    profile = cProfile.Profile(time.thread_time)
    asyncio.run(measured("with a journal on disk", calls, concurrency, profile))
    found: Counter[str] = Counter()
    for (file, _, name), row in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        parts = Path(file).parts
        found["/".join(parts[-2:]) if len(parts) > 1 else f"built in: {name}"] += row[2]
    whole = sum(found.values())
    for module, seconds in found.most_common(_MODULES):
        print(f"{seconds / whole:7.1%}  {module}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(asyncio.run(measured(*json.loads(asked.one))))
        return
    if asked.profile:
        profiled(asked.calls, asked.concurrency)
        return
    runs: dict[str, list[float]] = {case: [] for case in CASES}
    loads = []
    for number in range(asked.rounds):
        for case in random.Random(number).sample(list(CASES), len(CASES)):
            loads.append(os.getloadavg()[0])
            runs[case].append(apart(case, asked.calls, asked.concurrency))
    print(f"{asked.concurrency} at a time, medians of {asked.rounds} rounds; load {min(loads):.1f}-{max(loads):.1f}")
    print(f"{'':28}{'CPU us a call':>14}{'lowest':>8}")
    for case, found in runs.items():
        print(f"{case:28}{statistics.median(found):14.1f}{min(found):8.1f}")


if __name__ == "__main__":
    main()
