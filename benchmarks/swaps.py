"""Loads and wall time of Symbolic-MoE where one model fits at a time: 16 models, 100 problems that come at once.

    python -m benchmarks.swaps [--rounds 5] [--naive] [--client direct|litellm] [--base-url URL]

Every problem names its skills without a call, asks 3 experts and has one expert write the answer. The server loads a
model in 0.2 s, answers in 0.05 s and 8 requests at a time. Bound: a load of each model that is asked, and for each as
many waves of 8 as its calls make. `bare`, in turn with ours, is a plain client that knows all calls beforehand. Every
round begins with a model loaded that is not asked. With `--base-url` another server is measured, whose counters stand
under /stats as `models` (with `requests`) and `swaps`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from orchestrator import Expert, Message, Orchestrator, Price, Problem
from orchestrator.engine import SqliteJournal
from orchestrator.registry import build
from tests.double import DoubleProcess

_SKILLS = (
    "algebra", "geometry", "probability", "number theory", "calculus", "logic", "physics", "chemistry", "biology",
    "law", "economics", "history", "medicine", "programming", "statistics", "philosophy",
)  # fmt: skip
_STRATEGY = 'symbolic_moe(tagging="text", trim=false)'


@dataclass(frozen=True, slots=True)
class Card:
    """The server's settings."""

    models: int = 16
    load_s: float = 0.2
    reply_s: float = 0.05
    slots: int = 8

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"expert{i}" for i in range(self.models))

    def bound(self, calls: Mapping[str, int]) -> float:
        """Seconds that no order of calls can do with less than."""
        waves = sum(math.ceil(number / self.slots) for number in calls.values())
        return self.load_s * sum(number > 0 for number in calls.values()) + waves * self.reply_s


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to."""

    calls: Mapping[str, int]
    """By model."""
    wall: float
    bound: float
    loads: int
    """As the server counted them."""
    told: int
    """As the engine counted them."""
    cpu: float

    def __str__(self) -> str:
        told = f"{self.told:6}" if self.told else "     -"
        return (
            f"{sum(self.calls.values()):6} {self.wall:8.2f} {self.bound:8.2f} {self.wall / self.bound:8.3f} "
            f"{self.loads:6} {told} {self.cpu:7.2f}"
        )


def experts(card: Card, base_url: str, client: str, grouped: bool) -> list[Expert]:
    """One for each model, with two skills each."""
    rng = random.Random(7)
    return [
        Expert(
            name, f"openai/{name}" if client == "litellm" else name, client=client, api_base=base_url, price=Price(),
            skills=tuple(rng.sample(_SKILLS, 2)), resident_group="card" if grouped else None,
        )
        for name in card.names
    ]  # fmt: skip


def problems(count: int) -> list[Problem]:
    """Questions of two subjects each; none is like another."""
    rng = random.Random(11)
    return [
        Problem(f"{i}", (Message("user", f"Question {i} of {' and '.join(rng.sample(_SKILLS, 2))}?"),), "number")
        for i in range(count)
    ]


async def one(card: Card, base_url: str, client: str, count: int, seed: int, grouped: bool) -> Round:
    """All problems at once, with a journal on disk."""
    _put_out(base_url)
    told = _counters(base_url)
    team = experts(card, base_url, client, grouped)
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "journal.sqlite")
        roles = {"aggregator": team[0]}
        async with Orchestrator(experts=team, roles=roles, journal=journal, seed=seed) as orchestrator:
            strategy, aggregator = build("strategies", _STRATEGY), build("aggregators", "synthesis")
            start, cpu = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as group:
                for problem in problems(count):
                    group.create_task(orchestrator.solve(problem, strategy=strategy, aggregator=aggregator))
            wall, cpu = time.perf_counter() - start, time.process_time() - cpu
            loads = orchestrator.engine.groups.loads.total()
    after = _counters(base_url)
    calls = {name: after[0].get(name, 0) - told[0].get(name, 0) for name in card.names}
    return Round(calls, wall, card.bound(calls), after[1] - told[1], loads, cpu)


async def bare(card: Card, base_url: str, calls: Mapping[str, int]) -> Round:
    """A plain client that knows all calls beforehand and makes them model by model: what this machine can do now."""
    _put_out(base_url)
    loads = _counters(base_url)[1]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def ask(model: str, number: int) -> None:
            body = {"model": model, "messages": [{"role": "user", "content": f"Question {number}?"}]}
            async with client.post(f"{base_url}/chat/completions", json=body) as reply:
                await reply.read()

        start, cpu = time.perf_counter(), time.process_time()
        for model, count in calls.items():
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    group.create_task(ask(model, number))
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Round(calls, wall, card.bound(calls), _counters(base_url)[1] - loads, 0, cpu)


def _put_out(base_url: str) -> None:
    """Has the server load a model that nobody else asks, so that each round begins without one that it needs."""
    body = json.dumps({"model": "other", "messages": [{"role": "user", "content": "Question 0?"}]}).encode()
    request = urllib.request.Request(f"{base_url}/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        reply.read()


def _counters(base_url: str) -> tuple[dict[str, int], int]:
    """Requests by model and loads in all."""
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats", timeout=30) as reply:
        stats: dict[str, Any] = json.load(reply)
    loads = sum(stats["loads"].values()) if "loads" in stats else int(stats["swaps"])
    return {name: int(model["requests"]) for name, model in stats["models"].items()}, loads


def shown(name: str, rounds: Sequence[Round]) -> None:
    for found in rounds:
        print(f"{name:10} {found}")
    ratios = [found.wall / found.bound for found in rounds]
    loads = [found.loads for found in rounds]
    print(f"{name:10} median {statistics.median(ratios):.3f} of the bound, {statistics.median(loads):g} loads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--client", choices=("direct", "litellm"), default="direct")
    parser.add_argument("--naive", action="store_true", help="also once without a group: calls as they come")
    parser.add_argument("--base-url", help="a server of the same settings, with models expert0 to expert15")
    asked = parser.parse_args()
    card = Card()
    swap = {"resident": 1, "load_s": card.load_s, "slots": card.slots}
    own = DoubleProcess(latency=card.reply_s, swap=swap, rules={"Question (\\d+)": "The answer is {h}."})
    with nullcontext() if asked.base_url else own:
        base = asked.base_url or own.base_url
        print(f"{'':10} {'calls':>6} {'wall s':>8} {'bound s':>8} {'ratio':>8} {'loads':>6} {'told':>6} {'CPU s':>7}")
        seeds = range(asked.rounds + 1)  # the first warms up
        rounds, rival = list[Round](), list[Round]()
        for seed in seeds:
            gc.collect()
            gc.freeze()  # as `bench` does: else one round in some waits for a collection through all modules
            rounds.append(asyncio.run(one(card, base, asked.client, asked.problems, seed, grouped=True)))
            rival.append(asyncio.run(bare(card, base, rounds[-1].calls)))
        shown("grouped", rounds[1:])
        shown("bare", rival[1:])
        if asked.naive:
            shown("naive", [asyncio.run(one(card, base, asked.client, asked.problems, -1, grouped=False))])
    good = statistics.median(found.wall / found.bound for found in rounds[1:]) <= 1.05
    sys.exit(not (good and statistics.median(found.loads for found in rounds[1:]) <= card.models + 1))


if __name__ == "__main__":
    main()
