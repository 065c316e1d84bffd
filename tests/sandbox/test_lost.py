"""Processes that are killed from outside: nothing is left running, and the next program is judged."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.sandbox import Asserts, Call, Calls, Limits, Sandbox, Stdio, Stream, Suite

from .host import descendants
from .watching import Started

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")

GOOD = "def f(x):\n    return x + 1\n"
BUSY = "import time\nwhile time.process_time() < 0.4: pass\n"
SLOW = f"{BUSY}{GOOD}"
ENDLESS = "def f(x):\n    while True: pass\n"
SUITE = Calls("f", (Call((1,), 2),))
LIMITS = Limits(5.0, wall=30.0)
LONG = Limits(100.0, wall=300.0)
FORMS: dict[str, tuple[str, Suite]] = {
    "calls": (SLOW, SUITE),
    "asserts": (SLOW, Asserts(("assert f(1) == 2",))),
    "untrusted": (SLOW, Asserts(("for i in (1,): assert f(i) == 2",), trusted=False)),
    "stdio": (f"{BUSY}print(3)", Stdio((Stream("", "3\n"),))),
}


@dataclass(frozen=True, slots=True)
class Worker:
    """The processes of a worker that runs a program."""

    judge: int
    zygote: int
    candidate: int

    def pids(self) -> set[int]:
        return {self.judge, self.zygote, self.candidate}


async def at_work(host: int | None = None, number: int = 1) -> list[Worker]:
    """The workers below a process, once so many have a program that is busy."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        table = descendants()
        above = {pid: row[2] for pid, row in table.items()}
        found = [
            Worker(above[zygote], zygote, pid)
            for pid, zygote in above.items()
            if above.get(above.get(zygote, 0)) == (host or os.getpid()) and ticks(pid) >= 5
        ]
        if len(found) == number:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("the programs do not start")


def ticks(pid: int) -> int:
    """Hundredths of a second that a process has been busy."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[11])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@pytest.mark.parametrize(
    ("victim", "form"),
    [("judge", "calls"), ("judge", "asserts"), ("judge", "stdio"), ("zygote", "calls"), ("zygote", "untrusted")],
)
async def test_a_program_whose_worker_is_killed_is_run_once_more(victim: str, form: str) -> None:
    started = Started()
    program, suite = FORMS[form]
    async with Sandbox(workers=1) as box:
        task = asyncio.ensure_future(box.verify(program, suite, LIMITS))
        (lost,) = await at_work()
        os.kill(getattr(lost, victim), signal.SIGKILL)
        done = await task
        assert (done.verdict, done.rerun, done.cached) == ("passed", True, False), done
        assert not started.pids() & lost.pids(), "nothing of the first worker is left"
        after = await box.verify(f"{GOOD}# after", SUITE, LIMITS)
        assert (after.verdict, after.rerun) == ("passed", False)
    assert await started.are(0)


async def test_a_program_that_loses_two_workers_is_no_pass() -> None:
    async with Sandbox(workers=1) as box:
        task = asyncio.ensure_future(box.verify(ENDLESS, SUITE, LONG))
        for _ in range(2):
            (lost,) = await at_work()
            os.kill(lost.zygote, signal.SIGKILL)
            assert await asyncio.to_thread(ends, lost.judge)
        done = await task
        assert (done.verdict, done.rerun) == ("crashed", True)
        assert "lost twice" in done.detail
        assert (await box.verify(GOOD, SUITE, LIMITS)).verdict == "passed"


async def test_a_candidate_that_is_killed_from_outside_is_told_as_it_is() -> None:
    async with Sandbox(workers=1) as box:
        task = asyncio.ensure_future(box.verify(ENDLESS, SUITE, LONG))
        (worker,) = await at_work()
        os.kill(worker.candidate, signal.SIGKILL)
        done = await task
        assert (done.verdict, done.detail, done.rerun) == ("crashed", "SIGKILL", False)
        assert (await box.verify(GOOD, SUITE, LIMITS)).verdict == "passed"


@pytest.mark.parametrize("victim", ["judge", "zygote"])
async def test_a_worker_that_is_killed_while_idle_is_replaced(victim: str) -> None:
    started = Started()
    async with Sandbox(workers=1) as box:
        await box.verify(GOOD, SUITE, LIMITS)
        above = {pid: row[2] for pid, row in descendants().items() if pid in started.pids()}
        judge = next(pid for pid, parent in above.items() if parent == os.getpid())
        zygote = next(pid for pid, parent in above.items() if parent == judge)
        os.kill(judge if victim == "judge" else zygote, signal.SIGKILL)
        done = await box.verify(f"{GOOD}# next", SUITE, LIMITS)
        assert done.verdict == "passed"
        assert await started.are(2)
    assert await started.are(0)


@pytest.mark.parametrize("left_out", [(), ("namespaces",), ("seccomp",)], ids=["all", "no namespaces", "no seccomp"])
async def test_with_the_zygote_goes_the_candidate(left_out: tuple[str, ...]) -> None:
    started = Started()
    async with Sandbox(workers=1, without=left_out) as box:
        task = asyncio.ensure_future(box.verify(ENDLESS, SUITE, LONG))
        (lost,) = await at_work()
        os.kill(lost.zygote, signal.SIGKILL)
        assert await asyncio.to_thread(ends, lost.candidate)
        assert await asyncio.to_thread(ends, lost.judge)
        task.cancel()
        await asyncio.wait([task])
    assert await started.are(0)


async def test_a_worker_that_hangs_is_given_up() -> None:
    """Stopped, as by a debugger: it neither answers nor ends."""
    started = Started()
    async with Sandbox(workers=1) as box:
        await box.isolate()
        judge = next(pid for pid in started.pids() if descendants()[pid][2] == os.getpid())
        os.kill(judge, signal.SIGSTOP)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("orchestrator.sandbox.worker_process._GRACE", 0.1)
            patch.setattr("orchestrator.sandbox.box._MARGIN", 0.1)
            done = await box.verify(GOOD, SUITE, Limits(0.1, wall=0.1))
        assert (done.verdict, done.rerun) == ("timeout", False)
        assert await asyncio.to_thread(ends, judge)
        assert (await box.verify(GOOD, SUITE, LIMITS)).verdict == "passed"
    assert await started.are(0)


_HOST = """
import asyncio, sys
from orchestrator.sandbox import Call, Calls, Limits, Sandbox
async def main():
    box = Sandbox(workers=2, without=sys.argv[1:])
    suite = Calls("f", (Call((1,), 2),))
    sources = [f"def f(x):\\n    while True: pass  # {mark}\\n" for mark in range(2)]
    async with asyncio.TaskGroup() as group:
        for source in sources:
            group.create_task(box.verify(source, suite, Limits(100.0, wall=300.0)))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("number", "left_out"),
    [
        pytest.param(signal.SIGKILL, (), id="kill"),
        pytest.param(signal.SIGTERM, (), id="terminate"),
        pytest.param(signal.SIGINT, (), id="interrupt"),
        pytest.param(signal.SIGKILL, ("namespaces",), id="kill without namespaces"),
        pytest.param(signal.SIGKILL, ("seccomp",), id="kill without seccomp"),
    ],
)
async def test_with_the_host_goes_everything(number: signal.Signals, left_out: tuple[str, ...]) -> None:
    with host(*left_out) as process:
        workers = await at_work(process.pid, 2)
        process.send_signal(number)
        assert all([await asyncio.to_thread(ends, pid) for worker in workers for pid in worker.pids()])


async def test_folders_of_a_host_that_was_killed_are_removed_by_the_next() -> None:
    with host() as process:
        workers = await at_work(process.pid, 2)
        assert len(folders(process.pid)) == 2
        process.kill()
        assert all([await asyncio.to_thread(ends, pid) for worker in workers for pid in worker.pids()])
    async with Sandbox(workers=1) as box:
        await box.isolate()
        assert folders(process.pid) == []


@contextmanager
def host(*left_out: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process with two workers, whose programs do not end."""
    process = subprocess.Popen([sys.executable, "-c", _HOST, *left_out], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def folders(pid: int) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"orchestrator-sandbox-{pid}-*"))


def ends(pid: int) -> bool:
    """Whether the process is dead, or dies within seconds."""
    with suppress(ProcessLookupError):
        watched = os.pidfd_open(pid)
        with os.fdopen(watched):
            return bool(select.select([watched], [], [], 20)[0])
    return True
