"""Workers and the threads that talk to them: jobs go in, reports come out, from whatever event loop."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SandboxUnavailable
from . import worker_process
from .execution import Isolation
from .isolation import isolation_of
from .packing import Packed
from .worker_process import Lost, WorkerProcess

_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_SHARED_MEMORY = "/dev/shm"


@dataclass(slots=True, eq=False)
class Job:
    """A program on its way through the pool; cancelled once nobody waits for it any more."""

    message: dict[str, Any]
    suite: Packed
    seconds: float
    """Wall seconds that its worker may take, start and tests included."""
    cancelled: bool = False


@dataclass(slots=True)
class Pool:
    """At most `workers` worker processes, started when first needed and kept."""

    workers: int
    min_level: int
    packages: tuple[str, ...]
    without: frozenset[str]
    """Layers to leave out, for machines and tests that want a lower level."""
    isolation: Isolation | None = None
    pace: float = 1.0
    """How many times slower than usual this machine is, at least 1: limits of CPU time are stretched by it."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: ThreadPoolExecutor | None = None
    _idle: list[WorkerProcess] = field(default_factory=list)

    def submit(self, job: Job) -> Future[tuple[dict[str, Any], bool]]:
        """The report on a job, and whether its first worker was lost and it was run once more."""
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox")
            return self._threads.submit(self._run, job)

    def close(self) -> None:
        """Ends the workers, once the jobs in hand are done; a later job starts new ones."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def start(self) -> Isolation:
        """Starts a worker if none is idle.

        Raises:
            SandboxUnavailable: none can be started, or it reaches too low a level.
        """
        worker = self._take()
        self._give(worker)
        assert self.isolation is not None
        return self.isolation

    def _run(self, job: Job) -> tuple[dict[str, Any], bool]:
        for rerun in (False, True):
            if job.cancelled:
                return _ended("error", "cancelled before it ran"), rerun
            worker = self._take()
            try:
                report = worker.run(self._scaled(job.message), job.suite, job.seconds * self.pace, job)
            except Lost as lost:
                if lost.late or job.cancelled:
                    return _ended("timeout", "the tests did not come to an end"), rerun
                continue
            self._give(worker)
            return report, rerun
        return _ended("crashed", "the sandbox's own process was lost twice"), True

    def _scaled(self, message: dict[str, Any]) -> dict[str, Any]:
        if self.pace == 1.0:
            return message
        return {**message, "cpu": message["cpu"] * self.pace, "wall": message["wall"] * self.pace}

    def _take(self) -> WorkerProcess:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = self._started()
        isolation = isolation_of(worker.ready)
        if isolation.level < self.min_level:
            worker.close()
            raise SandboxUnavailable(
                f"programs are isolated at level {isolation.level} here, and level {self.min_level} is wanted: "
                f"{isolation.lacking}; lower --min-isolation or see `orchestrator doctor`"
            )
        self.isolation = isolation
        self.pace = max(1.0, float(worker.ready.get("pace", 1.0)))
        return worker

    def _give(self, worker: WorkerProcess) -> None:
        with self._lock:
            if self._threads is not None or not self._idle:
                self._idle.append(worker)
                return
        worker.close()

    def _started(self) -> WorkerProcess:
        scratch = None if Path(_SHARED_MEMORY).is_dir() and "namespaces" not in self.without else _folder()
        settings = {
            "scratch": scratch or _SHARED_MEMORY,
            "fallback": None,
            "packages": list(self.packages),
            "paths": _paths() if self.packages else [],
            "readable": _readable(self.packages),
            "without": sorted(self.without),
        }
        command = [worker_process.python(), "-S", "-s", "-P", "-B", "-X", "utf8", worker_process.script()]
        return worker_process.start(command, settings, scratch, _ENVIRONMENT)


def _ended(verdict: str, detail: str) -> dict[str, Any]:
    return {"verdict": verdict, "detail": detail}


def _folder() -> str:
    return tempfile.mkdtemp(prefix=f"orchestrator-sandbox-{os.getpid()}-")


def _paths() -> list[str]:
    found = sysconfig.get_paths()
    return list(dict.fromkeys((found["purelib"], found["platlib"])))


def _readable(packages: Sequence[str]) -> list[str]:
    """Python's own library, the system's, and the packages that programs may import; nothing else of this machine."""
    own = sysconfig.get_paths()
    roots = [own["stdlib"], own["platstdlib"], str(Path(sys.base_prefix) / "lib")]
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/etc/localtime"]
    installed = [
        str(Path(folder) / name)
        for folder in (_paths() if packages else [])
        for package in packages
        for name in (package, f"{package}.libs")
    ]
    return [*roots, *system, *installed, str(Path(__file__).with_name("_cell"))]


def available(packages: Sequence[str]) -> tuple[str, ...]:
    """Those of the packages that are installed here."""
    return tuple(name for name in packages if any((Path(folder) / name).is_dir() for folder in _paths()))


def clean(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
