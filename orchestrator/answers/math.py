"""A small pool of processes that tell whether two expressions are mathematically equal.

math-verify takes a second to import, can hang in C code and limits its time with signals, so it lives in processes of
its own, started when first needed. One that takes too long, or dies, is killed and replaced, and its job then counts
every expression as different.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_WORKER = Path(__file__).with_name("math_worker.py")


class _Lost(Exception):
    """The process died, hung, or answered what is no answer."""


@dataclass(slots=True)
class _Job:
    keys: Sequence[str]
    worker: _Worker | None = None
    cancelled: bool = False


class _Worker:
    """One process. Its environment is empty: no key of the user's is near model text."""

    def __init__(self, command: Sequence[str], setup: dict[str, object], start_seconds: float) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,
        )
        try:
            self.ask(setup, start_seconds)
        except _Lost:
            self.kill()
            raise

    def ask(self, message: dict[str, object], seconds: float) -> dict[str, object]:
        """Sends one line and waits for one.

        Raises:
            _Lost: there was none within `seconds`.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _Lost from error
        return self._line(time.monotonic() + seconds)

    def _line(self, end: float) -> dict[str, object]:
        assert self._process.stdout is not None
        out, received = self._process.stdout.fileno(), b""
        waiting = select.poll()
        waiting.register(out, select.POLLIN)
        while not received.endswith(b"\n"):
            ready = waiting.poll(max(0.0, end - time.monotonic()) * 1000)
            chunk = os.read(out, 65536) if ready else b""
            if not chunk:
                raise _Lost
            received += chunk
        answer: dict[str, object] = json.loads(received)
        return answer

    def stop(self) -> None:
        """Ends the process and whatever it started; whoever waits for its answer is told."""
        with self._lock:
            if self._process.returncode is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Ends the process and leaves nothing of it behind."""
        self.stop()
        with self._lock:
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


@dataclass(slots=True)
class MathPool:
    """Compares expressions in at most `workers` processes; may be used from several event loops at once."""

    workers: int = 2
    step_seconds: float = 1.0
    """CPU seconds for reading one expression, or for one comparison."""
    job_seconds: float = 10.0
    """CPU seconds for one job; what is left undone after them counts as different."""
    hang_seconds: float = 30.0
    """Wall seconds after which a job's process is killed."""
    start_seconds: float = 60.0
    memory_mb: int = 4096
    command: tuple[str, ...] = (sys.executable, "-s", "-P", str(_WORKER))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _threads: ThreadPoolExecutor | None = field(default=None, repr=False)
    _idle: list[_Worker] = field(default_factory=list, repr=False)

    async def classes(self, keys: Sequence[str]) -> list[int]:
        """The class of each key: that of the first earlier class whose first key equals it, else a new one."""
        if len(keys) < 2:
            return [0] * len(keys)
        job = _Job(keys)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._started(), self._run, job)
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    def close(self) -> None:
        """Ends all processes, after the jobs in hand; the pool starts again when used again."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True)
            atexit.unregister(self.close)
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="math")
                atexit.register(self.close)
            return self._threads

    def _run(self, job: _Job) -> list[int]:
        apart = list(range(len(job.keys)))
        try:
            worker = self._take(job)
        except (_Lost, OSError):
            return apart
        if worker is None:
            return apart
        try:
            found = worker.ask({"keys": list(job.keys)}, self.hang_seconds).get("classes")
        except (_Lost, OSError, ValueError):
            worker.kill()
            return apart
        with self._lock:
            job.worker = None
            self._idle.append(worker)
        return found if isinstance(found, list) and len(found) == len(apart) else apart

    def _take(self, job: _Job) -> _Worker | None:
        with self._lock:
            worker = self._idle.pop() if self._idle and not job.cancelled else None
        if worker is None and not job.cancelled:
            worker = _Worker(self.command, self._setup(), self.start_seconds)
        with self._lock:
            if worker is not None and job.cancelled:
                self._idle.append(worker)
                return None
            job.worker = worker
        return worker

    def _setup(self) -> dict[str, object]:
        return {
            "path": sys.path,
            "memory_mb": self.memory_mb,
            "step_seconds": self.step_seconds,
            "job_seconds": self.job_seconds,
        }

    def _abandon(self, job: _Job) -> None:
        """A job that nobody waits for any more is not worth its process."""
        with self._lock:
            job.cancelled, worker = True, job.worker
            if worker is not None:
                worker.stop()
