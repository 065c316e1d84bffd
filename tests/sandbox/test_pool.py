"""Workers: how many there are, how they are started, and what is said when they cannot be."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import SandboxUnavailable
from orchestrator.sandbox import Call, Calls, Limits, Sandbox, pool, worker_process
from orchestrator.sandbox.packing import packed
from orchestrator.sandbox.pool import Job, Pool, scratch_folder

from .watching import Started

GOOD = "def f(x):\n    return x + 1\n"
SLEEPS = f"import time\ntime.sleep(0.2)\n{GOOD}"
ENDLESS = "def f(x):\n    while True: pass\n"
SUITE = Calls("f", (Call((1,), 2),))
LIMITS = Limits(5.0, wall=30.0)
LONG = Limits(100.0, wall=300.0)


async def test_nothing_is_started_until_it_is_needed() -> None:
    started = Started()
    async with Sandbox(workers=2):
        assert started.pids() == set()


async def test_there_are_no_more_workers_than_are_wanted() -> None:
    started = Started()
    most = 0
    async with Sandbox(workers=2) as box, asyncio.TaskGroup() as group:
        tasks = [group.create_task(box.verify(f"{SLEEPS}# {i}", SUITE, LIMITS)) for i in range(6)]
        while not all(task.done() for task in tasks):
            most = max(most, len(started.pids()))
            await asyncio.sleep(0.01)
    assert most <= 6, "each of two: a judge, what programs are forked from, a program"
    assert [task.result().verdict for task in tasks] == ["passed"] * 6


async def test_one_worker_is_enough_for_one_program_after_another() -> None:
    started = Started()
    async with Sandbox(workers=4) as box:
        for mark in range(3):
            await box.verify(f"{GOOD}# {mark}", SUITE, LIMITS)
        assert len(started.pids()) == 2


async def test_asking_for_the_isolation_starts_no_worker_beside_one_that_is_busy() -> None:
    started = Started()
    async with Sandbox(workers=1) as box:
        isolation = await box.isolate()
        task = asyncio.ensure_future(box.verify(ENDLESS, SUITE, LONG))
        assert await started.are(3)
        assert await box.isolate() == isolation
        assert len(started.pids()) == 3
        task.cancel()
        await asyncio.wait([task])


async def test_a_python_that_is_not_there_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/does/not/exist")
    async with Sandbox(workers=1) as box:
        with pytest.raises(SandboxUnavailable, match="cannot start /does/not/exist to run programs: No such file"):
            await box.verify(GOOD, SUITE, LIMITS)
    assert os.listdir(temporary) == []


async def test_a_worker_that_ends_at_once_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    broken = temporary / "broken.py"
    broken.write_text("raise RuntimeError('no room\\nin here')\n")
    monkeypatch.setattr(worker_process, "script", lambda: str(broken))
    started = Started()
    async with Sandbox(workers=1) as box:
        with pytest.raises(SandboxUnavailable) as caught:
            await box.verify(GOOD, SUITE, LIMITS)
    assert str(caught.value) == "the sandbox does not start: in here"
    assert await started.are(0)
    assert os.listdir(temporary) == ["broken.py"]


async def test_a_worker_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    silent = temporary / "silent.py"
    silent.write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setattr(worker_process, "script", lambda: str(silent))
    monkeypatch.setattr(worker_process, "_START_SECONDS", 0.1)
    started = Started()
    async with Sandbox(workers=1) as box:
        with pytest.raises(SandboxUnavailable, match="the sandbox does not start: no answer"):
            await box.verify(GOOD, SUITE, LIMITS)
    assert await started.are(0)
    assert os.listdir(temporary) == ["silent.py"]


async def test_everybody_who_waits_is_told_that_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/does/not/exist")
    async with Sandbox(workers=1) as box:
        found = await asyncio.gather(*(box.verify(GOOD, SUITE, LIMITS) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in found] == [SandboxUnavailable] * 3
        monkeypatch.undo()
        assert (await box.verify(GOOD, SUITE, LIMITS)).verdict == "passed", "it was no verdict, and is not kept"


async def test_the_folders_of_workers_go_with_them(temporary: Path) -> None:
    async with Sandbox(workers=1) as box:
        await box.verify(f"open('x', 'w').write('y')\n{GOOD}", SUITE, LIMITS)
        (folder,) = os.listdir(temporary)
        assert folder.startswith(f"orchestrator-sandbox-{os.getpid()}-")
    assert os.listdir(temporary) == []


def test_what_killed_processes_have_left_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f"orchestrator-sandbox-{dead.pid}-abc"
    (left / "a" / "b").mkdir(parents=True)
    (left / "a" / "file").write_text("x")
    kept = [tmp_path / f"orchestrator-sandbox-{os.getpid()}-abc", tmp_path / "orchestrator-sandbox-x-abc"]
    for folder in kept:
        folder.mkdir()
    made = Path(scratch_folder())
    assert sorted(tmp_path.iterdir()) == sorted([*kept, made])


@pytest.mark.parametrize(
    ("pace", "crowded", "stretches", "expected"),
    [
        (1.0, 1.0, True, (2.0, 4.0, 8.0)),
        (2.5, 1.0, True, (5.0, 10.0, 20.0)),
        (1.0, 3.0, True, (2.0, 12.0, 24.0)),
        (2.0, 3.0, True, (4.0, 24.0, 48.0)),
        (2.0, 3.0, False, (4.0, 8.0, 16.0)),
    ],
)
def test_limits_are_stretched_on_a_slow_machine_and_those_of_wall_time_on_a_busy_one(
    monkeypatch: pytest.MonkeyPatch,
    pace: float,
    crowded: float,
    stretches: bool,
    expected: tuple[float, float, float],
) -> None:
    monkeypatch.setattr(pool, "crowding", lambda: crowded)
    asked: list[tuple[float, float, float]] = []

    class Noting:
        """A worker that notes what it is asked."""

        def run(self, message: dict[str, Any], suite: object, seconds: float, job: Job) -> dict[str, Any]:
            asked.append((message["cpu"], message["wall"], seconds))
            return {"verdict": "passed", "detail": ""}

        def close(self) -> None:
            return

    slow = Pool(1, 0, (), frozenset(), pace=pace)
    slow._idle.append(Noting())  # type: ignore[arg-type]
    job = Job({"cpu": 2.0, "wall": 4.0, "program": GOOD}, packed(SUITE), 8.0, stretches=stretches)
    done: Future[tuple[dict[str, Any], bool]] = slow.submit(job)
    assert done.result() == ({"verdict": "passed", "detail": ""}, False)
    slow.close()
    assert asked == [expected]


def test_how_crowded_a_machine_is_stays_within_bounds() -> None:
    assert 1.0 <= pool.crowding() <= 3.0


async def test_the_pace_is_measured_by_the_first_worker() -> None:
    async with Sandbox(workers=1) as box:
        assert box.pace == 1.0
        await box.isolate()
        assert 1.0 <= box.pace < 50


def test_packages_that_are_not_installed_are_left_out() -> None:
    found = pool._folders(("numpy", "no_such_package"))
    assert "no_such_package" not in found
    assert all(Path(folder).is_dir() for folder in found.values())


async def test_more_suites_than_a_worker_remembers_are_no_trouble() -> None:
    async with Sandbox(workers=1, cache=0) as box:
        suites = [Calls("f", (Call((i,), i + 1),)) for i in range(worker_process._SUITES + 5)]
        for suite in (*suites, *suites[:3]):
            assert (await box.verify(GOOD, suite, LIMITS)).verdict == "passed"


@pytest.mark.slow
async def test_suites_and_programs_may_be_large() -> None:
    text = "x" * 7_000_000
    async with Sandbox(workers=1) as box:
        suite = Calls("f", (Call((text,), len(text)),) * 6)
        assert (await box.verify("f = len", suite, Limits(20.0, wall=60.0))).verdict == "passed"
        assert (await box.verify(f"text = {text * 6!r}\n{GOOD}", SUITE, Limits(20.0, wall=60.0))).verdict == "passed"
