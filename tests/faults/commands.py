"""The command in a process of its own: started afresh, or forked from one that has loaded everything already."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import sys; from orchestrator.cli import main; sys.argv[0] = 'orchestrator'; main()"
PATIENCE = 120.0
"""Real seconds after which something hangs."""


class Nursery:
    """`with Nursery() as nursery:`; see `tests.faults.nursery`."""

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.faults.nursery"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline()) == {"ready": True}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.communicate()

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Command:
    """`orchestrator WORDS` in folder `cwd`, under way.

    Args:
        nursery: forks it; a fresh interpreter if not given.
    """

    def __init__(self, words: list[str], cwd: Path, nursery: Nursery | None = None) -> None:
        self.words, self.began, self.code = words, time.monotonic(), None
        self._out, self._err = cwd / "stdout", cwd / "stderr"
        if nursery is not None:
            self.pid: int = nursery.ask(words=words, cwd=str(cwd), out=str(self._out), err=str(self._err))["pid"]
            self._poll: Callable[[], int | None] = lambda: nursery.ask(poll=self.pid)["code"]
            return
        with self._out.open("w") as out, self._err.open("w") as err:
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            popen = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *words],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self.pid, self._poll = popen.pid, popen.poll

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def running(self) -> bool:
        if self.code is None:
            self.code: int | None = self._poll()
        return self.code is None

    def kill_when(self, due: Callable[[], bool]) -> bool:
        """Kills it with -9 as soon as `due`; whether that ended it."""
        self._watch(due)
        if self.running:
            os.kill(self.pid, signal.SIGKILL)
        self._watch(lambda: False)
        return self.code == -signal.SIGKILL

    def end(self, code: int = 0) -> Any:
        """What it printed, parsed as JSON, once it has ended with `code`."""
        self._watch(lambda: False)
        assert self.code == code, self._err.read_text()
        return json.loads(self._out.read_text())

    def _watch(self, due: Callable[[], bool]) -> None:
        while self.running and not due():
            if self.seconds > PATIENCE:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"{' '.join(self.words)} hangs:\n{self._err.read_text()}")
            time.sleep(0.004)
