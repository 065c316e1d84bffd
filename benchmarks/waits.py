"""Wall time of every strategy against a server that takes its time: nothing that could run together may wait.

    python -m benchmarks.waits [--client direct|litellm] [--at-once 32] [--rounds 5] [STRATEGY ...]

The path is the longest chain of replies that one problem waited for, never more than the strategy says, times what one
request of that kind takes by plain aiohttp, and the CPU of programs that were run for checks. One problem at a time,
directly asked and with fewer than 50 calls, a strategy may take 1.03 x its path; in every case it may take its path +
1.1 x calls x CPU of a call, as this strategy took it: nothing may pass that is neither a reply nor work. What the bound
would be with the CPU of a call of the bare client (litellm, or aiohttp for `direct`), and of ours with its engine but
without a strategy, stands beside it; both are measured in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from orchestrator import Expert, Orchestrator, Problem
from orchestrator.contest import contestant_for
from orchestrator.evals.sets import open_set
from orchestrator.fitting import estimated
from tests.double import DoubleProcess
from tests.strategies.entry import Entry, entry, names

from .remembering import Remembering
from .waiting import Costs, Forgetful, Round, costs_of, measured, started

_SETS = {
    "choice": "choice", "number": "word_problems", "code": "code", "game24": "game24", "plan": "blocksworld",
}  # fmt: skip
_WHO = ("ada", "blaise", "clio")
_CONFIDENT = ("deepconf",)
"""Those that ask for log-probabilities."""
_ALONE = 1.03
_FEW = 50
"""Calls below which a strategy must keep to its path, one problem at a time."""


@dataclass(frozen=True, slots=True)
class Case:
    """One strategy, and what it is asked."""

    name: str
    spec: str
    problems: tuple[Problem, ...]
    experts: tuple[Expert, ...]
    depth: int
    """Replies that a problem waits for at the most, as the strategy says."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the rounds of one case came to."""

    case: Case
    rounds: tuple[Round, ...]
    strict: bool
    """Whether it must keep to its path."""

    def __str__(self) -> str:
        cpu = 1000 * statistics.median(one.cpu for one in self.rounds)
        return (
            f"{self.case.name:17} {self.calls:6} {self.requests:6} {self.depth:5} {self.wall:8.4f}"
            f" {cpu / max(self.calls, 1):8.3f} {cpu / len(self.case.problems):8.2f} {self.programs:8.3f}"
        )

    @property
    def wall(self) -> float:
        return statistics.median(one.wall for one in self.rounds)

    @property
    def programs(self) -> float:
        """The mean: the kernel tells the CPU of processes that have ended in ticks of 10 ms."""
        return statistics.mean(one.programs for one in self.rounds)

    @property
    def calls(self) -> int:
        return max(one.calls for one in self.rounds)

    @property
    def requests(self) -> int:
        return max(one.requests for one in self.rounds)

    @property
    def depth(self) -> int:
        return min(self.case.depth, max(one.chain for one in self.rounds))

    def held(self, costs: Costs) -> tuple[str, bool]:
        """The words on path and bounds, and whether all was kept to."""
        path = self.depth * costs.reply + self.programs
        own = statistics.median(one.cpu for one in self.rounds) / max(self.calls, 1)
        bounds = [path + 1.1 * self.calls * each for each in (own, costs.whole, costs.bare)]
        near = self.wall <= _ALONE * path or not self.strict
        inside = self.wall <= bounds[0]
        words = [
            f"{self.wall / path if path else 0:7.3f}", "far" if not near else "ok " if self.strict else " - ",
            f"{bounds[0]:8.4f}", "ok      " if inside else "TOO LONG",
            *(f"{bound:8.4f} {'ok  ' if self.wall <= bound else 'over'}" for bound in bounds[1:]),
        ]  # fmt: skip
        return " ".join(words), near and inside


_HEAD = (
    f"{'strategy':17} {'calls':>6} {'sent':>6} {'depth':>5} {'wall s':>8} {'ms/call':>8} {'ms/prob':>8} {'programs':>8}"
    f" {'x path':>7}     {'bound s':>8}          {'all in s':>8}      {'bare s':>8}"
)


def case_of(one: Entry, name: str, folder: Path, count: int, client: str, base_url: str) -> Case:
    """A strategy in the small form of its entry, on problems of the kind that the entry has."""
    set_ = "codenames" if "codenames" in one.problem.meta else _SETS.get(one.problem.kind, "word_problems")
    found = [case.problem for case in islice(open_set(set_), count)]
    ids = _WHO[: max(1, min(len(one.experts), len(_WHO)))]
    experts = tuple(
        Expert(f"openai/{who}", f"openai/{who}", client, api_base=base_url, concurrency=10_000) for who in ids
    )
    spec = one.spec_in(folder)
    told = estimated(contestant_for(found[0], spec, None, None), found[0], len(experts))
    assert told is not None
    return Case(name, spec, tuple(found), experts, told.depth)


async def rounds_of(case: Case, server: Remembering, latency: float, count: int, apart: Sequence[int]) -> list[Round]:
    """The rounds of one case, on one wallet whose journal forgets; the first teaches the server.

    Args:
        apart: processes that are no programs of ours.
    """
    found = []
    async with Orchestrator(experts=case.experts, journal=Forgetful()) as orchestrator:
        if any(problem.kind == "code" for problem in case.problems):
            await started(orchestrator.sandbox)
        for number in range(count + 1):
            server.again(latency if number else 0.0)
            found.append(await measured(orchestrator, case.problems, case.spec, latency, apart))
    return found[1:]


async def measure(asked: argparse.Namespace, server: Remembering, apart: Sequence[int]) -> bool:
    chosen = asked.strategies or names()
    rows, costs = list[Row](), [await costs_of(asked.client, server, asked.latency)]
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            case = case_of(entry(name), name, Path(folder), asked.at_once, asked.client, server.base_url)
            rounds = tuple(await rounds_of(case, server, asked.latency, asked.rounds, apart))
        calls = max(one.calls for one in rounds)
        rows.append(Row(case, rounds, asked.at_once == 1 and asked.client == "direct" and calls < _FEW))
        if len(rows) % 8 == 0:
            costs.append(await costs_of(asked.client, server, asked.latency))
    costs.append(await costs_of(asked.client, server, asked.latency))
    return shown(rows, costs, asked)


def shown(rows: Sequence[Row], costs: Sequence[Mapping[bool, Costs]], asked: argparse.Namespace) -> bool:
    """Prints the table; whether all was kept to."""
    each = {confident: _median([found[confident] for found in costs]) for confident in (False, True)}
    client = "litellm" if asked.client == "litellm" else "aiohttp"
    for confident, words in ((False, ""), (True, ", with log-probabilities")):
        told = each[confident]
        print(
            f"CPU of a call{words}: {client} alone {told.bare * 1000:.3f} ms, ours all in {told.whole * 1000:.3f} ms;"
            f" a request takes {told.reply * 1000:.2f} ms by aiohttp",
        )
    print(f"{asked.at_once} at once, median of {asked.rounds} rounds")
    print(_HEAD)
    good = True
    for row in rows:
        words, held = row.held(each[row.case.name in _CONFIDENT])
        good = good and held
        print(row, words)
    return good


def _median(costs: Sequence[Costs]) -> Costs:
    return Costs(
        statistics.median(one.bare for one in costs),
        statistics.median(one.whole for one in costs),
        statistics.median(one.reply for one in costs),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strategies", nargs="*", metavar="STRATEGY", help="names; all if none is given")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that a reply takes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="problems at a time")
    parser.add_argument("--client", choices=["direct", "litellm"], default="direct")
    asked = parser.parse_args()
    models = {name: {"simulated": name} for name in _WHO}
    with DoubleProcess(models=models, vary_repeats=True) as double, Remembering(double.base_url, 0.0) as server:
        held = asyncio.run(measure(asked, server, [double.process.pid, server.process.pid]))
    sys.exit(not held)


if __name__ == "__main__":
    main()
