from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError
from orchestrator.folder import RunFolder, remove, runs, view

Holder = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def run() -> Path:
    with RunFolder.create(None, {"set": "mini"}) as folder:
        return folder.path


def test_a_second_process_is_turned_away_with_the_firsts_pid(run: Path, holder: Holder) -> None:
    process = holder(run)
    with pytest.raises(ConfigError, match=rf"run {run.name} is in use by another process \(pid {process.pid}\)"):
        RunFolder.open(run)
    with pytest.raises(ConfigError, match="is in use"):
        remove(run)
    assert view(run).manifest["set"] == "mini"
    assert [summary.state for summary in runs()] == ["running"]


def test_a_killed_process_lets_go(run: Path, holder: Holder) -> None:
    process = holder(run)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with RunFolder.open(run):
        pass
    assert [summary.state for summary in runs()] == ["unfinished"]


def test_the_same_process_cannot_open_a_run_twice(run: Path) -> None:
    with RunFolder.open(run), pytest.raises(ConfigError, match=f"pid {os.getpid()}"):
        RunFolder.open(run)
    RunFolder.open(run).close()


def test_two_processes_cannot_make_the_same_run(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", {}):
        (tmp_path / "run" / "manifest.json").unlink()  # as it was before the first wrote it
        (tmp_path / "run" / "results.jsonl").unlink()
        (tmp_path / "run" / "trace.jsonl").unlink()
        with pytest.raises(ConfigError, match="is in use"):
            RunFolder.create(tmp_path / "run", {})


def test_a_forked_worker_that_outlives_a_killed_parent_does_not_keep_the_run(run: Path, tmp_path: Path) -> None:
    program = """
import os, sys, signal
from orchestrator.folder import RunFolder
folder = RunFolder.open(sys.argv[1])
if os.fork() == 0:
    print(os.getpid(), flush=True)
    signal.pause()
signal.pause()
"""
    command = [sys.executable, "-c", program, str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        try:
            with pytest.raises(ConfigError, match=f"pid {process.pid}"):
                RunFolder.open(run)
            process.kill()
            process.wait()
            os.kill(worker, 0)
            RunFolder.open(run).close()
        finally:
            process.kill()
            os.kill(worker, signal.SIGKILL)


def test_a_look_at_the_list_turns_no_run_away(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(run / "lock") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr(time, "sleep", lambda seconds: fcntl.flock(looking, fcntl.LOCK_UN))
        RunFolder.open(run).close()
