"""A fresh process for each program: `python -I` in a session and a temporary folder of its own, without environment.

The verdict is the process's own word, repeated with a marker made for the run, so that a program that merely ends
early or crashes never passes. A program that looks for the marker on the stack finds it: no protection from hostile
code.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from ..errors import SandboxUnavailable

Ruling: TypeAlias = Literal["passed", "failed", "error", "timeout", "memory", "output", "crashed", "violation"]

_INSIDE = Path(__file__).with_name("inside.py")
_TICK = 0.05
"""Seconds between looks at a process whose pipes stay open, as those of a program with children of its own do."""
_MOMENT = 0.001


@dataclass(frozen=True, slots=True)
class Execution:
    """How a program fared."""

    verdict: Ruling
    detail: str
    """What went wrong, in one line."""
    seconds: float
    """Wall time, the start of the process included."""


@dataclass(slots=True)
class PlainRunner:
    """Runs at most `workers` programs at once; may be used from several event loops."""

    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    output_mb: int = 8
    """What a program may print before it is stopped, MiB."""
    file_mb: int = 16
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _threads: ThreadPoolExecutor | None = field(default=None, repr=False)

    async def run(self, program: str, tests: str, *, timeout: float, memory_mb: int) -> Execution:
        """See `sandbox.run_tests`. Cancelling kills the process."""
        job = _Job(program, tests, timeout, memory_mb, self.file_mb, self.output_mb * 2**20)
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox")
            waiting = asyncio.get_running_loop().run_in_executor(self._threads, job.run)
        try:
            return await waiting
        except asyncio.CancelledError:
            job.cancel()
            raise

    async def aclose(self) -> None:
        """Waits for the programs in hand and ends the threads; a later `run` starts them again."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)


@dataclass(slots=True)
class _Job:
    program: str
    tests: str
    timeout: float
    memory_mb: int
    file_mb: int
    most_output: int
    _marker: str = field(default_factory=lambda: secrets.token_hex(16))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen[bytes] | None = None
    _cancelled: bool = False

    def run(self) -> Execution:
        if self._cancelled:
            return Execution("error", "cancelled before it started", 0.0)
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="candidate-", ignore_cleanup_errors=True) as folder:
            reading, writing = os.pipe()
            try:
                process = self._start(folder, writing)
            finally:
                os.close(writing)
            try:
                report, ended = self._watched(process, reading, started + self.timeout)
            finally:
                self._end(process)
                os.close(reading)
        return self._judged(process.returncode, report, ended, time.monotonic() - started)

    def cancel(self) -> None:
        """Kills the process, so that the thread that waits for it comes free."""
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                _kill(self._process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Leaves nothing behind. Until it is waited for, a dead process keeps its number, so nobody else is hit."""
        with self._lock:
            self._process = None
            _kill(process)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _start(self, folder: str, report: int) -> subprocess.Popen[bytes]:
        job = {
            "program": self.program,
            "tests": self.tests,
            "marker": self._marker,
            "report": report,
            "memory_mb": self.memory_mb,
            "seconds": self.timeout,
            "file_mb": self.file_mb,
        }
        # A file and no pipe: a program of any size is handed over without waiting for the process to read it.
        with tempfile.TemporaryFile() as handed:
            handed.write(json.dumps(job).encode())
            handed.seek(0)
            try:
                process = subprocess.Popen(
                    (sys.executable, "-I", "-X", "utf8", str(_INSIDE)),
                    stdin=handed,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    env={},
                    pass_fds=(report,),
                    start_new_session=True,
                )
            except OSError as error:
                message = f"cannot start {sys.executable} to run a program: {error.strerror}; free processes or memory"
                raise SandboxUnavailable(message) from error
        with self._lock:
            self._process = process
            if self._cancelled:
                _kill(process)
        return process

    def _watched(self, process: subprocess.Popen[bytes], report: int, end: float) -> tuple[bytes, Ruling | None]:
        """What the process reports, and why it was stopped if it was."""
        assert process.stdout is not None
        out = process.stdout.fileno()
        texts, printed = b"", 0
        with selectors.DefaultSelector() as pipes:
            for pipe in (out, report):
                os.set_blocking(pipe, False)
                pipes.register(pipe, selectors.EVENT_READ)
            while True:
                # Looked at before the pipes: what it wrote until its end is then among what can be read.
                dead = _ended(process)
                left = end - time.monotonic()
                ready = pipes.select(0.0 if dead else max(0.0, min(left, _TICK))) if pipes.get_map() else []
                for key, _ in ready:
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        pipes.unregister(key.fd)
                    elif key.fd == report:
                        texts += chunk
                    else:
                        printed += len(chunk)
                if max(printed, len(texts)) > self.most_output:
                    return b"", "output"
                if dead and not ready:
                    return texts, None
                if left <= 0:
                    return b"", "timeout"
                if not pipes.get_map() and not dead:
                    time.sleep(_MOMENT)

    def _judged(self, status: int, report: bytes, ended: Ruling | None, seconds: float) -> Execution:
        if ended == "timeout":
            return Execution("timeout", f"not done after {self.timeout:g} s", seconds)
        if ended == "output":
            return Execution("output", f"more than {self.most_output // 2**20} MiB of output", seconds)
        if status < 0:
            return _killed(-status, seconds)
        try:
            said = json.loads(report)
            marker, verdict, detail = said["marker"], said["verdict"], str(said["detail"])
        except (ValueError, TypeError, KeyError):
            return Execution("error", f"the program ended itself with status {status}", seconds)
        if marker != self._marker or verdict not in get_args(Ruling) or status != 0:
            return Execution("error", "the program tampered with its report", seconds)
        return Execution(verdict, " ".join(detail.split()), seconds)


def _killed(number: int, seconds: float) -> Execution:
    name = signal.Signals(number).name if number in {s.value for s in signal.Signals} else f"signal {number}"
    if number in (signal.SIGXCPU, signal.SIGALRM):
        return Execution("timeout", f"out of CPU time ({name})", seconds)
    if number == signal.SIGXFSZ:
        return Execution("output", "a file grew too large", seconds)
    return Execution("crashed", name, seconds)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it is dead, without taking note of it: a process that was waited for loses its number."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and what it started, unless these made sessions of their own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
