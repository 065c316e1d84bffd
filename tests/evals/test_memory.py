"""Runs of any length: nothing is kept of a problem that has ended, and nothing is left open at the end."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.budget import Budget
from orchestrator.evals.case import Case
from orchestrator.evals.earlier import recall
from orchestrator.evals.runner import Bench, Plan
from orchestrator.evals.tally import Tally
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.folder import RunFolder
from orchestrator.types import Expert, Request, Sampling
from tests.double import DoubleProcess

from .benching import bench, cases, doubled, plan_of

VOTE = "self_consistency(samples=5)"
WORDS = " so we look at it once more" * 80


def forgetful() -> ScriptedExpert:
    """Answers one sample at a time with some 2 kB, and keeps nothing of what it was asked."""

    def answer(request: Request) -> str:
        expert.batches.clear()
        return f"{request.labels.problem}{WORDS}. {doubled(request)}"

    expert = ScriptedExpert(answer, max_n=1)
    return expert


class Scales:
    """Weighs, as problems are read, what Python has allocated and not given back.

    What is in flight and timers that the loop has yet to drop come and go: the least of some weighings counts.
    """

    def __init__(self, first: int, last: int) -> None:
        self._at = (first, last)
        self._least = {first: sys.maxsize, last: sys.maxsize}

    def cases(self) -> Iterator[Case]:
        for number, case in enumerate(cases(self._at[1] + 10)):
            if (begun := number - number % 10) in self._least:
                gc.collect()
                self._least[begun] = min(self._least[begun], tracemalloc.get_traced_memory()[0])
            yield case

    @property
    def a_problem(self) -> float:
        """Bytes by which each problem between the two adds to it."""
        first, last = self._at
        return (self._least[last] - self._least[first]) / (last - first)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_nothing_is_kept_of_a_problem_that_has_ended(tmp_path: Path) -> None:
    scales = Scales(150, 500)  # after what the journal remembers of the last hundred problems
    plan = plan_of(forgetful(), strategies=(VOTE,), concurrency=2, budget=Budget(calls=5))
    work, _ = bench(tmp_path / "run", plan, scales.cases())
    assert work.tallies[VOTE].usage.calls == 510 * 5
    # If no more than the key of each reply were kept in a dictionary, it would be some 700.
    assert scales.a_problem < 400


def test_what_a_problem_leaves_goes_without_a_search_for_circles(tmp_path: Path) -> None:
    gc.collect()
    found: list[int] = []

    def some() -> Iterator[Case]:
        for number, case in enumerate(cases(40)):
            if number == 20:  # by now everything is there that the run itself keeps
                gc.collect()
                gc.disable()
            yield case
        found.append(gc.collect())

    plan = plan_of(forgetful(), strategies=(VOTE,), concurrency=1)
    try:
        bench(tmp_path / "run", plan, some())
    finally:
        gc.enable()
    # A scope is in its own chain; the replies and tasks of a problem would be some hundreds.
    assert found[0] < 20 * 20


@pytest.mark.usefixtures("traced")
def test_lines_of_an_earlier_invocation_are_known_by_eight_bytes_each(tmp_path: Path) -> None:
    name, count = "cot", 3000
    bench(tmp_path / "run", plan_of(forgetful()), cases(1))
    for file in ("results.jsonl", "trace.jsonl"):
        one = (tmp_path / "run" / file).read_text()
        many = (one.replace('"toy/0"', f'"toy/{number}"') for number in range(count))
        (tmp_path / "run" / file).write_text("".join(many))
    with RunFolder.open(tmp_path / "run") as folder:
        recall(folder, {name: Tally()})  # imports, caches
        tally = Tally()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        keys = recall(folder, {name: tally})
        peak = tracemalloc.get_traced_memory()[1]
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    assert (len(keys), tally.lines, tally.usage.calls) == (count, count, count)
    assert (kept - before) / count < 12
    assert (peak - before) / count < 200


class TestNothingIsLeftOpen:
    @pytest.fixture
    def double(self, double_process: Callable[..., DoubleProcess]) -> DoubleProcess:
        return double_process(answers={"1": 1.0, "2": 1.0})

    def expert(self, client: str, double: DoubleProcess) -> Expert:
        model = "m" if client == "direct" else "openai/m"
        return Expert("m", model, client=client, api_base=double.base_url, sampling=Sampling(seed=7), concurrency=8)

    @pytest.mark.parametrize("client", ["direct", "litellm"])
    @pytest.mark.parametrize("budget", [Budget(), Budget(calls=60)], ids=["to its end", "out of budget"])
    def test_of_a_run(self, tmp_path: Path, double: DoubleProcess, client: str, budget: Budget) -> None:
        plan = Plan((VOTE,), (self.expert(client, double),), run_budget=budget)
        self.run(tmp_path / "first", plan)  # what the first run of a process imports and keeps for all
        before = open_things()
        tasks = self.run(tmp_path / "run", plan)
        gc.collect()
        assert open_things() == before
        assert len(tasks) == 1, tasks
        assert sorted(path.name for path in (tmp_path / "run").glob("journal*")) == ["journal.sqlite"]

    def run(self, folder: Path, plan: Plan) -> set[asyncio.Task[object]]:
        """The tasks that there are after a run, its own among them."""

        async def main() -> set[asyncio.Task[object]]:
            with RunFolder.create(folder, {}) as made:
                work = Bench(plan, made)
                await work(cases(30))
                assert work.complete != bool(work.out_of_budget)
            return asyncio.all_tasks()

        return asyncio.run(main())


def open_things() -> tuple[int, int]:
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd")), threading.active_count()
