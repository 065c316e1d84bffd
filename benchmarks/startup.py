"""How long it takes from the start of a process to its first request, beside bare scripts that ask the same.

    python -m benchmarks.startup [--rounds 5] [CONTESTANT ...]

`first` is the wall time from the start of the process until its request is at the server, `CPU` that of the whole
process, its end included. Every contestant runs once a round, in random order, in a process of its own; the first
round, which warms the disk's cache, is not counted.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.double import DoubleProcess

_ROOT = Path(__file__).resolve().parent.parent
_QUESTION = "What is 6 times 7?"
_AIOHTTP = """
import aiohttp, asyncio

async def main():
    async with aiohttp.ClientSession() as session:
        body = {{"model": "m", "messages": [{{"role": "user", "content": "{question}"}}], "max_tokens": 2048}}
        async with session.post("{base}/chat/completions", json=body) as reply:
            print((await reply.json())["choices"][0]["message"]["content"])

asyncio.run(main())
"""
_LITELLM = """
import asyncio, litellm

async def main():
    message = {{"role": "user", "content": "{question}"}}
    reply = await litellm.acompletion(
        model="openai/m", messages=[message], api_base="{base}", api_key="none", max_tokens=2048
    )
    print(reply.choices[0].message.content)

asyncio.run(main())
"""
_API = """
from orchestrator import Expert, Price, solve

expert = Expert("e", "openai/m", "{client}", api_base="{base}", price=Price())
print(solve("{question}", kind="number", strategy="cot", experts=[expert]).answer)
"""
_CLI = "import sys; from orchestrator.cli import main; sys.argv = {arguments!r}; main()"
_POOL = """
[[expert]]
id = "e"
model = "openai/m"
client = "{client}"
api_base = "{base}"
"""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to start."""

    name: str
    program: str
    asks: bool = True


@dataclass(frozen=True, slots=True)
class Started:
    """One process. Seconds."""

    first: float | None
    """Until its request was there."""
    wall: float
    cpu: float


def contestants(base: str, folder: Path) -> list[Contestant]:
    pools = {client: folder / f"{client}.toml" for client in ("direct", "litellm")}
    for client, path in pools.items():
        path.write_text(_POOL.format(client=client, base=base), encoding="utf-8")
    solving = ["orchestrator", "solve", _QUESTION, "--kind", "number", "-s", "cot", "--pool"]
    return [
        Contestant("python -c pass", "pass", asks=False),
        Contestant("import orchestrator", "import orchestrator", asks=False),
        Contestant("orchestrator --help", _CLI.format(arguments=["orchestrator", "--help"]), asks=False),
        Contestant("aiohttp script", _AIOHTTP.format(question=_QUESTION, base=base)),
        *_ours("direct", base, [*solving, str(pools["direct"])]),
        Contestant("litellm script", _LITELLM.format(question=_QUESTION, base=base)),
        *_ours("litellm", base, [*solving, str(pools["litellm"])]),
    ]


def _ours(client: str, base: str, arguments: Sequence[str]) -> list[Contestant]:
    return [
        Contestant(f"solve(), {client}", _API.format(client=client, base=base, question=_QUESTION)),
        Contestant(f"orchestrator solve, {client}", _CLI.format(arguments=list(arguments))),
    ]


def run(one: Contestant, server: DoubleProcess, env: Mapping[str, str]) -> Started:
    """One process from its start to its end.

    Raises:
        RuntimeError: it failed, or asked nobody.
    """
    server.reset()
    start, before = time.monotonic(), _children()
    with subprocess.Popen(
        [sys.executable, "-c", one.program], cwd=_ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _, told = process.communicate()
        wall, cpu = time.monotonic() - start, _children() - before
    if process.returncode:
        raise RuntimeError(f"{one.name}: {told.decode()[-2000:]}")
    if not one.asks:
        return Started(None, wall, cpu)
    asked = server.requests()
    if not asked:
        raise RuntimeError(f"{one.name} sent no request")
    return Started(asked[0]["at"] - start, wall, cpu)


def _children() -> float:
    """CPU seconds of the processes that were started here and have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def measure(server: DoubleProcess, rounds: int, chosen: Sequence[str], folder: Path) -> None:
    # A bare script would fetch the price list of litellm over the network first.
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    everybody = [one for one in contestants(server.base_url, folder) if not chosen or one.name in chosen]
    found: dict[str, list[Started]] = {one.name: [] for one in everybody}
    for number in range(rounds + 1):
        for one in random.Random(number).sample(everybody, len(everybody)):
            started = run(one, server, env)
            if number:
                found[one.name].append(started)
    print(f"{'':28} {'first s':>8} {'wall s':>8} {'CPU s':>8} {'lowest':>8}")
    for name, runs in found.items():
        firsts = [each.first for each in runs if each.first is not None]
        first = f"{statistics.median(firsts):8.3f}" if firsts else f"{'-':>8}"
        wall, cpu = (statistics.median(values) for values in ([r.wall for r in runs], [r.cpu for r in runs]))
        print(f"{name:28} {first} {wall:8.3f} {cpu:8.3f} {min(r.cpu for r in runs):8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "contestants", nargs="*", metavar="CONTESTANT", help="names as in the table; all if none is given"
    )
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with DoubleProcess(answers={"42": 1}, keep_bodies=True) as server, tempfile.TemporaryDirectory() as folder:
        measure(server, asked.rounds, asked.contestants, Path(folder))


if __name__ == "__main__":
    main()
