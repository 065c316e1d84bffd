"""A bench that a signal ends when it has got to a certain point, as its watcher sees it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.evals import runner
from orchestrator.evals.case import Case
from orchestrator.evals.runner import Bench
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.folder import RunFolder
from orchestrator.types import Request

from .benching import VOTE, Watcher, bench, cases, doubled, lines, open_calls, plan_of


def sender(number: int, when: Callable[[Bench], bool]) -> Watcher:
    """Sends a signal to this process, once, when the bench has got so far."""
    sent: list[int] = []

    def act(work: Bench) -> None:
        if when(work) and not sent:
            sent.append(number)
            os.kill(os.getpid(), number)

    return Watcher(act)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_once_lets_what_is_out_land_and_resumes_to_the_undisturbed_result(
    tmp_path: Path, number: signal.Signals
) -> None:
    expert = ScriptedExpert(doubled, latency=0.05, max_n=1)
    settings = {"strategies": (VOTE,), "concurrency": 4}
    bench(tmp_path / "whole", plan_of(expert, **settings), cases(20))
    del expert.batches[:]
    work, _ = bench(
        tmp_path / "run", plan_of(expert, **settings), cases(20), sender(number, lambda work: work.lines >= 4)
    )
    assert work.interrupted
    assert not work.complete
    assert 4 <= len(lines(tmp_path / "run")) < 20
    asked = len(expert.requests)
    again, _ = bench(tmp_path / "run", plan_of(expert, **settings), cases(20))
    assert again.complete
    assert not again.interrupted
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")
    assert len(expert.requests) == 60, f"{asked} before the signal were all kept"


def test_samples_that_are_out_are_kept_though_their_siblings_are_refused(tmp_path: Path) -> None:
    expert = ScriptedExpert(doubled, latency=0.3, max_n=1)
    plan = plan_of(expert, strategies=(VOTE,))
    plan = replace(plan, experts=(replace(expert.value, concurrency=2),))
    bench(tmp_path / "run", plan, cases(1), sender(signal.SIGINT, lambda work: bool(expert.batches)))
    assert len(expert.requests) == 2
    work, _ = bench(tmp_path / "run", plan, cases(1))
    assert work.complete
    assert len(expert.requests) == 3


def test_twice_ends_at_once(tmp_path: Path) -> None:
    def never(request: Request) -> asyncio.Future[str]:
        return asyncio.get_running_loop().create_future()

    expert = ScriptedExpert(never)

    def act(work: Bench) -> None:
        if expert.batches:
            os.kill(os.getpid(), signal.SIGINT)

    work, _ = bench(tmp_path / "run", plan_of(expert), cases(3), Watcher(act, every=0.02))
    assert work.interrupted
    assert lines(tmp_path / "run") == []
    assert open_calls(tmp_path / "run") == 0


@pytest.mark.parametrize("at", ["before it is waited for", "while it is waited for"])
def test_nobody_waits_for_what_calls_would_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    async def never(experts: object) -> None:
        if at.startswith("while"):
            os.kill(os.getpid(), signal.SIGINT)
        await asyncio.get_running_loop().create_future()

    async def prepared(work: Bench, case: Case) -> None:
        if at.startswith("before"):
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(9):  # passes, in which the signal arrives
                await asyncio.sleep(0)
            assert work.interrupted

    async def main(folder: RunFolder) -> None:
        work = Bench(plan_of(expert), folder)
        async with asyncio.timeout(20):
            await work(cases(3))
        assert work.interrupted

    expert = ScriptedExpert(doubled)
    monkeypatch.setattr(runner, "warm", never)
    monkeypatch.setattr(Bench, "_prepare", prepared)
    with RunFolder.create(tmp_path / "run", {}) as folder:
        asyncio.run(main(folder))
    assert (expert.requests, lines(tmp_path / "run")) == ([], [])


def test_what_had_ended_when_the_signal_came_is_no_interruption(tmp_path: Path) -> None:
    work, table = bench(
        tmp_path / "run",
        plan_of(ScriptedExpert(doubled)),
        cases(2),
        sender(signal.SIGINT, lambda work: work.lines == 2),
    )
    assert table[0]["solved"] == 2
    assert not work.interrupted


def test_the_handlers_of_the_process_come_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(1))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
