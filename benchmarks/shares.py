"""Where the CPU time of a candidate goes: host, judge, zygote and the forked candidates, user and system apart."""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import io
import pstats
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.sandbox import Limits, Sandbox

from . import methods, usage
from .tasks import Workload
from .usage import Process


@dataclass(frozen=True, slots=True)
class Account:
    """Seconds and page faults of one kind of process so far."""

    user: float = 0.0
    system: float = 0.0
    faults: int = 0

    def __add__(self, other: Account) -> Account:
        return Account(self.user + other.user, self.system + other.system, self.faults + other.faults)

    def __sub__(self, other: Account) -> Account:
        return Account(self.user - other.user, self.system - other.system, self.faults - other.faults)


def run(work: Workload, options: argparse.Namespace) -> int:
    """Runs the workload several times over, and prints a line for each kind of process."""
    return asyncio.run(_run(work, options.workers, options.passes))


async def _run(work: Workload, workers: int, passes: int) -> int:
    suites = [methods.suite(work, number) for number in range(len(work.tasks))]
    limits = Limits(seconds=work.seconds)
    async with Sandbox(workers, cache=0) as box:
        await methods.start_all(box, workers)
        await methods.at_once(box, work, suites, limits, workers)
        before, start = _accounts(), time.perf_counter()
        for _ in range(passes):
            await methods.at_once(box, work, suites, limits, workers)
        seconds, after = time.perf_counter() - start, _accounts()
        _show(before, after, seconds, passes * len(work.candidates))
        await _calls(box, work, workers)
    return 0


def _accounts() -> dict[str, Account]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    found = {"host": Account(own.ru_utime, own.ru_stime, own.ru_minflt)}
    workers = [one for one in usage.descendants() if one.parent not in {p.pid for p in usage.descendants()}]
    inner = [one for one in usage.descendants() if one.pid not in {p.pid for p in workers}]
    found["judge"] = _own(workers)
    found["zygote"] = _own(inner)
    found["candidate (forked)"] = _ended(inner)
    found["others that the judge forked"] = _ended(workers)
    return found


def _own(some: Iterable[Process]) -> Account:
    return sum((Account(one.user, one.system, one.faults) for one in some), Account())


def _ended(some: Iterable[Process]) -> Account:
    return sum((Account(one.children_user, one.children_system, one.children_faults) for one in some), Account())


def _show(before: dict[str, Account], after: dict[str, Account], seconds: float, count: int) -> None:
    print(f"{count} candidates, {count / seconds:.0f}/s; per candidate:")
    print(f"{'process':30} {'user ms':>9} {'system ms':>10} {'both ms':>9} {'page faults':>12}")
    parts = {name: after[name] - before[name] for name in after}
    for name, part in (*parts.items(), ("all", sum(parts.values(), Account()))):
        user, system = part.user / count * 1000, part.system / count * 1000
        print(f"{name:30} {user:9.3f} {system:10.3f} {user + system:9.3f} {part.faults / count:12.0f}")


async def _calls(box: Sandbox, work: Workload, workers: int) -> None:
    """What the host's event loop does meanwhile, by function."""
    suites = [methods.suite(work, number) for number in range(len(work.tasks))]
    profile = cProfile.Profile()
    profile.enable()
    await methods.at_once(box, work, suites, Limits(seconds=work.seconds), workers)
    profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(12)
    print("\n".join(line for line in text.getvalue().splitlines() if line.strip()))
