"""Prompts that share a long beginning: how much of them a cache answers for with calls that lead, and without.

    python -m benchmarks.prefixes [--problems 8] [--ways 10] [--tokens 4000] [--rounds 3]

The server is the project's own test server with a cache of its own, in blocks of 128 tokens, that is warm from an
answer's first token on. So it shows what the machinery does, and no provider: how long these keep what they were asked,
and on which of their machines a call arrives, is their affair. `after` is when the others of a problem left, in seconds
from when its first call did: behind a call that leads at its first token, long before its reply. The exit status is 0
where of every problem's prompts all but one were read from the cache, but for a tenth, the others left before the reply
of a call that led could have come, and no reply differs.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator import Expert, Message
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.ledger import Scope
from orchestrator.serving import backend_of
from orchestrator.types import Price, Request, Sampling
from tests.double import Double, Seen

PRICE = Price(1e-6, 4e-6, 0.1e-6)
"""As hosted models have it: reading from the cache costs a tenth."""
FIRST, WHOLE = 0.2, 2.0
"""Seconds before the first token, and before the last."""
_SENTENCE = "This problem is long and has many parts, of which this is one. "


@dataclass(frozen=True, slots=True)
class Found:
    """What one run came to."""

    seconds: float
    cached: float
    """Share of the prompt tokens."""
    usd: float
    after: float
    """Seconds from the first call of a problem to the others of it, the median."""
    texts: tuple[str, ...]


async def measured(how: str, client: str, problems: int, ways: int, tokens: int) -> Found:
    """All problems at once, each asked in several ways that come behind its statement."""
    story = _SENTENCE * (tokens * 4 // len(_SENTENCE))
    asked = [f"Problem {p}. {story}\n\nWay {w} is yours." for p in range(problems) for w in range(ways)]
    async with Double(cache=128, latency=WHOLE, first_token=FIRST, keep_bodies=True) as server:
        expert = Expert(
            "e", "openai/m", client=client, api_base=server.base_url, price=PRICE, prefix_cache=how, concurrency=1024
        )
        run = Scope("run", paid=True)

        async def ask(engine: Engine, number: int) -> str:
            request = Request("e", "openai/m", (Message("user", asked[number]),), Sampling(max_tokens=100))
            return (await engine.ask(request, Seat(run, number // ways))).completion.text

        async with Engine({"e": expert}, backend_of, MemoryJournal()) as engine:
            await engine.ask(Request("e", "openai/m", (Message("user", "warm up"),)), Seat(run))
            server.requests.clear()
            begun = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(engine, number)) for number in range(len(asked))]
            seconds = time.perf_counter() - begun
        billed, after = server.stats.billed, followed(server.requests)
    return Found(seconds, billed.cached / billed.prompt, run.spent.usd, after, tuple(task.result() for task in tasks))


def followed(requests: Sequence[Seen]) -> float:
    """When the others of a problem arrived, in seconds after its first, the median of all."""
    times: dict[str, list[float]] = {}
    for seen in requests:
        times.setdefault(seen.body["messages"][0]["content"].partition(".")[0], []).append(seen.at)
    return statistics.median(time - min(of_one) for of_one in times.values() for time in sorted(of_one)[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("--ways", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(
        f"{given.problems} problems of {given.tokens} tokens, {given.ways} ways each; medians of {given.rounds} rounds"
    )
    print(f"{'':22} {'seconds':>8} {'after':>8} {'cached':>8} {'usd':>9}")
    good = True
    for client in ("litellm", "direct"):
        runs: dict[str, list[Found]] = {"off": [], "on": []}
        for _ in range(given.rounds):
            for how, found in runs.items():
                found.append(asyncio.run(measured(how, client, given.problems, given.ways, given.tokens)))
        for how, found in runs.items():
            seconds, after, cached, usd = (
                statistics.median(getattr(one, name) for one in found) for name in ("seconds", "after", "cached", "usd")
            )
            print(f"{client + ', leads ' + how:22} {seconds:8.2f} {after:8.2f} {cached:8.1%} {usd:9.4f}")
        same = len({one.texts for found in runs.values() for one in found}) == 1
        least = min(one.cached for one in runs["on"])
        soon = min(one.after for one in runs["on"]) < WHOLE
        good = good and same and soon and least > (given.ways - 1) / given.ways * 0.9
    sys.exit(not good)


if __name__ == "__main__":
    main()
