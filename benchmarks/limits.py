"""Calls that wait for a rate limit: what they cost, and how near to the limit the server sees them, beside others.

    python -m benchmarks.limits [rates] [tokens] [stated] [parked] [--seconds 3]

`rates`: 1, 100 and 10,000 callers behind 50 and 1,000 requests a second, each contestant in a process of its own, in
random order. `tokens`: tokens a minute, with replies far below what is reserved. `stated`: limits that only the server
knows. `parked`: 10,000 calls held back by a budget that frees slowly. Shares are of one core and of the process that
asks, from when all are waiting; every figure of a rate is the server's. The exit status is 1 where ours breaks a limit
or leaves much of it unused, and where waiting costs too much.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from .limited import Limited
from .limiters import CONTESTANTS

Came: TypeAlias = Sequence[tuple[float, int, bool]]
Started: TypeAlias = tuple[Limited, "subprocess.Popen[str]"]


# -- one measurement ------------------------------------------------------------------------


async def measured(
    name: str, base: str, per_minute: dict[str, float], callers: int, seconds: float, models: Sequence[str] = ("m",)
) -> dict[str, float]:
    """What so many callers cost, each asking again as soon as it has its reply."""
    async with CONTESTANTS[name](base, per_minute, 256) as ask:

        async def call(number: int) -> None:
            model = models[number % len(models)]
            for again in range(10**9):
                await ask(f"Question {number} {again}? {'Explain. ' * (number % 40)}", number, model)

        for number in range(20):
            await ask(f"Warm {number}?", number, "warm")
        before, cpu = time.monotonic(), time.process_time()
        callers_of = [asyncio.ensure_future(call(number)) for number in range(callers)]
        await asyncio.sleep(0.2)
        entered = time.process_time() - cpu
        start, cpu = time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        wall, cpu = time.monotonic() - start, time.process_time() - cpu
        leave = time.process_time()
        for task in callers_of:
            task.cancel()
        done, _ = await asyncio.wait(callers_of)
        leave = time.process_time() - leave
        for task in done:
            if not task.cancelled():
                task.result()
    us = 1e6 / callers
    return {"share": cpu / wall, "enter_us": entered * us, "leave_us": leave * us, "from": before, "start": start}


async def parked(count: int, seconds: float) -> dict[str, float]:
    """Calls held back by a wallet that frees the worst case of one call every 20 ms."""
    from orchestrator import Budget, Expert, Message
    from orchestrator.engine import Engine, MemoryJournal, Seat
    from orchestrator.ledger import Scope
    from orchestrator.types import Completion, Request, Response, Sampling, Tokens

    class Slow:
        journalled, max_n, served = True, 1, 0

        async def complete(self, batch: Sequence[Request]) -> Response:
            await asyncio.sleep(0.02)
            self.served += 1
            return Response((Completion("x", tokens=Tokens(1, 1)),), Tokens(1, 1))

        async def aclose(self) -> None:
            return None

    slow, run = Slow(), Scope("run", Budget(tokens=100_000), paid=True)
    scopes = [Scope(f"problem {i}", Budget(calls=10**6), run) for i in range(100)]
    async with Engine({"m": Expert("m", "m")}, lambda _: slow, MemoryJournal()) as engine:

        async def call(number: int) -> None:
            asked = Request("m", "m", (Message("user", f"Question {number}?"),), Sampling(max_tokens=60_000))
            await engine.ask(asked, Seat(scopes[number % 100], turn=number % 7))

        cpu = time.process_time()
        tasks = [asyncio.ensure_future(call(number)) for number in range(count)]
        await asyncio.sleep(0.2)
        entered = time.process_time() - cpu
        start, cpu, before = time.monotonic(), time.process_time(), slow.served
        await asyncio.sleep(seconds)
        wall, cpu, served = time.monotonic() - start, time.process_time() - cpu, slow.served - before
        leave = time.process_time()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        leave = time.process_time() - leave
    us = 1e6 / count
    return {
        "share": cpu / wall, "enter_us": entered * us, "leave_us": leave * us, "served": served, "wall": wall,
        "served_us": cpu / max(1, served) * 1e6,
    }  # fmt: skip


def apart(work: str, *settings: Any) -> subprocess.Popen[str]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.limits", "--one", json.dumps([work, *settings])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result_of(process: subprocess.Popen[str]) -> dict[str, float]:
    out, _ = process.communicate()
    if process.returncode:
        sys.exit(f"a measurement failed with status {process.returncode}")
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


# -- what the server saw --------------------------------------------------------------------


def most_in(seconds: float, came: Came, tokens: bool = False) -> int:
    """The most that was taken within so many seconds, from any moment on."""
    most = total = first = 0
    for at, size, _ in came:
        total += size if tokens else 1
        while at - came[first][0] >= seconds:
            total -= came[first][1] if tokens else 1
            first += 1
        most = max(most, total)
    return most


def within(came: Came, start: float, seconds: float) -> Came:
    return [one for one in came if start <= one[0] < start + seconds]


# -- the tables -----------------------------------------------------------------------------

_SLOW, _SHARE = 50, 0.06
"""Calls a second up to which those that wait may take so much of a core: what is over that of one caller, who makes as
many calls and never waits among others."""


def rates(seconds: float) -> bool:
    """Returns whether ours kept the limits, and used them."""
    print(
        f"\n{'':14} {'rate/s':>6} {'callers':>7} {'share':>7} {'enter us':>9} {'leave us':>9} "
        f"{'most in 1 s':>11} {'reached':>8}"
    )
    cases = [(rate, callers) for rate in (50, 1000) for callers in (1, 100, 10_000)]
    good, alone = True, 0.0
    for number, (rate, callers) in enumerate(cases):
        rows = {}
        for name in random.Random(number).sample(list(CONTESTANTS), len(CONTESTANTS)):
            # One caller cannot ask a thousand times a second a server that takes 5 ms.
            with Limited({"m": {"reply_s": 0.0 if callers == 1 else 0.005}, "warm": {}}) as server:
                limits = {"rpm": rate * 60.0}
                found = result_of(apart("measured", name, server.base_url, limits, callers, seconds))
                came = server.came()["m"]
            reached = len(within(came, found["start"], seconds)) / seconds / rate
            rows[name] = found | {"most": most_in(1.0, came) / rate, "reached": reached}
        for name in CONTESTANTS:
            row = rows[name]
            print(
                f"{name:14} {rate:6} {callers:7} {row['share']:7.3f} {row['enter_us']:9.0f} {row['leave_us']:9.0f} "
                f"{row['most']:11.2f} {row['reached']:8.3f}",
                flush=True,
            )
        ours = rows["ours"]
        good = good and ours["most"] <= 1
        if callers == 1:
            alone = ours["share"]
        else:
            good = good and ours["reached"] >= 0.9 and (ours["share"] - alone < _SHARE or rate > _SLOW)
    return good


_TOKENS: dict[str, tuple[dict[str, Any], int]] = {
    "60,000 a minute, replies of 20-600 of 1024": ({"m": {"tpm": 60_000, "words": (20, 600), "reply_s": 0.5}}, 1000),
    "the same, 600,000": ({"m": {"tpm": 600_000, "words": (20, 600), "reply_s": 0.5}}, 3000),
    "600 requests and 100,000 tokens": ({"m": {"tpm": 100_000, "rpm": 600, "words": (20, 600), "reply_s": 0.5}}, 1000),
    "three models of 60,000 each": (
        {name: {"tpm": 60_000, "words": (20, 600), "reply_s": 0.5} for name in "mno"}, 1000,
    ),
}  # fmt: skip


def tokens() -> Callable[[], bool]:
    """Starts what takes two minutes; returns what tells whether nothing was rejected, and the limits were used."""
    started = []
    for models, callers in _TOKENS.values():
        server = Limited({**models, "warm": {}}).__enter__()
        limits = {key: models["m"][key] for key in ("rpm", "tpm") if key in models["m"]}
        started.append((server, apart("measured", "ours", server.base_url, limits, callers, 121.0, list(models))))
    return partial(_told_tokens, started)


def _told_tokens(started: Sequence[Started]) -> bool:
    print(f"\n{'tokens a minute':44} {'share':>7} {'most in 60 s':>12} {'reached':>8} {'rejected':>8}")
    good = True
    for (name, (models, _)), (server, process) in zip(_TOKENS.items(), started, strict=True):
        found = result_of(process)
        for model, came in server.came().items():
            if model == "warm":
                continue
            most = most_in(60.0, came, tokens=True) / models[model]["tpm"]
            reached = sum(size for _, size, _ in within(came, came[0][0], 120.0)) / 2 / models[model]["tpm"]
            rejected = sum(not taken for *_, taken in came)
            print(f"{name:44} {found['share']:7.3f} {most:12.3f} {reached:8.3f} {rejected:8}", flush=True)
            good = good and not rejected and most <= 1 and reached >= 0.85
        server.__exit__(None, None, None)
    return good


_STATED: dict[str, dict[str, Any]] = {
    "50/s, a second's worth at once, headers": {"rpm": 3000, "window": 1.0, "reply_s": 0.2},
    "50/s, a second's worth at once, Retry-After": {"rpm": 3000, "window": 1.0, "reply_s": 0.2, "says": False},
    "10/s, a minute's worth at once, headers": {"rpm": 600, "reply_s": 0.2},
    "10/s, a minute's worth at once, Retry-After": {"rpm": 600, "reply_s": 0.2, "says": False},
    "60,000 tokens a minute, headers": {"tpm": 60_000, "window": 10.0, "words": (20, 600), "reply_s": 0.5},
    "60,000 tokens a minute, Retry-After": {"tpm": 60_000, "window": 10.0, "words": (20, 600), "says": False},
}
_SETTLED = 60.0


def stated() -> Callable[[], bool]:
    """Limits that we are not told: rejections while settling (a minute), and in the minute after; starts likewise."""
    started = []
    for settings in _STATED.values():
        server = Limited({"m": settings, "warm": {}}).__enter__()
        started.append((server, apart("measured", "ours", server.base_url, {}, 1000, 2 * _SETTLED)))
    return partial(_told_stated, started)


def _told_stated(started: Sequence[Started]) -> bool:
    print(f"\n{'limits that only the server knows':44} {'share':>7} {'rejected':>9} {'later':>6} {'reached later':>13}")
    good = True
    for (name, settings), (server, process) in zip(_STATED.items(), started, strict=True):
        found, came = result_of(process), server.came()["m"]
        later = within(came, found["start"] + _SETTLED, _SETTLED - 1)
        early = sum(not taken for *_, taken in came) - (late := sum(not taken for *_, taken in later))
        what = sum(size if "tpm" in settings else 1 for _, size, taken in later if taken)
        reached = what / (_SETTLED - 1) * 60 / (settings.get("tpm") or settings["rpm"])
        print(f"{name:44} {found['share']:7.3f} {early:9} {late:6} {reached:13.3f}", flush=True)
        good = good and (late == 0 or not settings.get("says", True))
        server.__exit__(None, None, None)
    return good


def held(seconds: float) -> bool:
    """Returns whether those that wait cost nothing by themselves."""
    shares = []
    print(f"\n{'parked on a budget':44} {'share':>7} {'enter us':>9} {'leave us':>9} {'served/s':>9} {'us each':>8}")
    for count in (100, 10_000):
        found = result_of(apart("parked", count, seconds))
        print(
            f"{count:44,} {found['share']:7.3f} {found['enter_us']:9.0f} {found['leave_us']:9.0f} "
            f"{found['served'] / found['wall']:9.0f} {found['served_us']:8.0f}"
        )
        shares.append(found["served_us"])
    return shares[1] <= 3 * shares[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help="rates, tokens, stated, parked; all if none is given"
    )
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        work, *settings = json.loads(asked.one)
        if work == "measured" and len(settings) > 5:
            settings[5] = tuple(settings[5])
        print(json.dumps(asyncio.run({"measured": measured, "parked": parked}[work](*settings))))
        return
    known = ["rates", "tokens", "stated", "parked"]
    names = asked.tables or known
    if unknown := set(names) - set(known):
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    print(f"load {os.getloadavg()[0]:.1f}")
    # Those that take two minutes do so together: they use next to nothing of the machine.
    reports = [start() for name, start in (("tokens", tokens), ("stated", stated)) if name in names]
    results = [report() for report in reports]
    results += [table(asked.seconds) for name, table in (("rates", rates), ("parked", held)) if name in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
