"""Workers and the threads that talk to them: jobs go in, reports come out, from whatever event loop."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SandboxUnavailable
from . import worker_process
from .execution import Isolation
from .launchers import Launcher, launcher
from .packing import Packed
from .worker_process import Lost, WorkerProcess

_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
    "LD_BIND_NOW": "1",  # or every forked process would look functions up anew
}
"""All that a worker's processes have in their environment."""
_PREFIX = "orchestrator-sandbox-"


@dataclass(slots=True, eq=False)
class Job:
    """A program on its way through the pool; cancelled once nobody waits for it any more."""

    message: dict[str, Any]
    suite: Packed
    seconds: float
    """Wall seconds that its worker may take, start and tests included."""
    stretches: bool = True
    """Whether it may take more wall time where others use the machine; CPU time is what is limited."""
    cancelled: bool = False


@dataclass(slots=True)
class Pool:
    """At most `workers` worker processes, started when first needed and kept."""

    workers: int
    min_level: int
    packages: tuple[str, ...]
    without: frozenset[str]
    """Layers to leave out, for machines and tests that want a lower level."""
    launcher: str = "auto"
    isolation: Isolation | None = None
    pace: float = 1.0
    """How many times slower than usual this machine is, at least 1: limits of CPU time are stretched by it."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: ThreadPoolExecutor | None = None
    _launcher: Launcher | None = None
    _alive: list[tuple[WorkerProcess, int | None]] = field(default_factory=list)
    """Workers, and the core that each keeps to."""
    _starting: list[int | None] = field(default_factory=list)
    """Cores of workers that are being started."""
    _looked: tuple[float, float] = (float("-inf"), 1.0)
    """When one last looked how busy the machine is, and what was seen."""
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
        """Starts a worker if there has been none yet: what stands around the others is the same.

        Raises:
            SandboxUnavailable: none can be started, or it reaches too low a level.
        """
        if self.isolation is None:
            self._give(self._take())
        assert self.isolation is not None
        return self.isolation

    def _run(self, job: Job) -> tuple[dict[str, Any], bool]:
        for rerun in (False, True):
            if job.cancelled:
                return _ended("error", "cancelled before it ran"), rerun
            worker = self._take()
            try:
                message, seconds = self._scaled(job)
                report = worker.run(message, job.suite, seconds, job)
            except Lost as lost:
                if lost.late or job.cancelled:
                    return _ended("timeout", "the tests did not come to an end"), rerun
                continue
            self._give(worker)
            return report, rerun
        return _ended("crashed", "the sandbox's own process was lost twice"), True

    def _scaled(self, job: Job) -> tuple[dict[str, Any], float]:
        """The job and its wall seconds, on a slow machine, and on one that is busy with other things."""
        wall = self.pace * (self._crowding() if job.stretches else 1.0)
        if self.pace == wall == 1.0:
            return job.message, job.seconds
        message = {**job.message, "cpu": job.message["cpu"] * self.pace, "wall": job.message["wall"] * wall}
        return message, job.seconds * wall

    def _crowding(self) -> float:
        now = time.monotonic()
        if now - self._looked[0] > _LOOK:
            self._looked = (now, crowding())
        return self._looked[1]

    def _take(self) -> WorkerProcess:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = self._started()
        isolation = _isolation(worker.ready)
        if isolation.level < self.min_level:
            worker.close()
            raise SandboxUnavailable(
                f"programs are isolated at level {isolation.level} here, and level {self.min_level} is wanted: "
                f"{_why(isolation)}; lower --min-isolation, or see `orchestrator doctor`"
            )
        if self.isolation is None:
            self.pace = max(1.0, float(worker.ready["pace"]))
        self.isolation = isolation
        return worker

    def _give(self, worker: WorkerProcess) -> None:
        with self._lock:
            if self._threads is not None or not self._idle:
                self._idle.append(worker)
                return
        worker.close()

    def _started(self) -> WorkerProcess:
        scratch = scratch_folder()
        folders = _folders(self.packages) if self._chosen().shares_files else {}
        readable = [*folders.values(), *(f"{folder}.libs" for folder in folders.values())]
        core = self._core()
        settings: dict[str, Any] = {
            "scratch": scratch,
            "packages": folders,
            "readable": readable,
            "without": sorted(self.without),
            "given": dict(self._chosen().given),
            "calibrate": self.isolation is None,
            "core": core,
        }
        command = self._chosen().command(sys.executable, worker_process.script(), scratch, readable, _ENVIRONMENT)
        environment = self._chosen().environment(_ENVIRONMENT)
        try:
            worker = worker_process.start(command, settings, scratch, environment)
            with self._lock:
                self._alive.append((worker, core))
        finally:
            with self._lock:
                if core in self._starting:
                    self._starting.remove(core)
        return worker

    def _core(self) -> int | None:
        """A core for a worker to keep to, where there is a worker for each and little else to do.

        Its processes take turns: woken on another core, each would find nothing of what the last one did in its caches.
        """
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if self.workers < len(cores) or crowding() > _ALONE:
            return None
        with self._lock:
            self._alive = [(worker, core) for worker, core in self._alive if worker.process.poll() is None]
            taken = Counter([*(core for _, core in self._alive), *self._starting])
            core = min(cores, key=lambda core: taken[core], default=None)
            self._starting.append(core)
        return core

    def _chosen(self) -> Launcher:
        if self._launcher is None:
            self._launcher = launcher(self.launcher)
        return self._launcher


def _isolation(ready: Mapping[str, Any]) -> Isolation:
    """What a worker says of itself."""
    return Isolation(
        ready["level"], dict(ready["mechanisms"]), tuple(ready["not_enforced"]), dict(ready.get("reasons", {}))
    )


def _why(isolation: Isolation) -> str:
    reasons = [f"{name}: {reason}" for name, reason in isolation.reasons.items()]
    open_ = (
        f"not enforced: {', '.join(isolation.not_enforced)}" if isolation.not_enforced else "all layers are in force"
    )
    return "; ".join(reasons) or open_


def _ended(verdict: str, detail: str) -> dict[str, Any]:
    return {"verdict": verdict, "detail": detail}


def _folders(packages: Sequence[str]) -> dict[str, str]:
    """Where those of the packages lie that are installed here."""
    found = sysconfig.get_paths()
    places = [Path(found["purelib"]), Path(found["platlib"])]
    return {name: str(place / name) for name in packages for place in reversed(places) if (place / name).is_dir()}


def scratch_folder() -> str:
    """A new folder for what programs write; those that killed processes of this user have left are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not _lives(int(owner)):
            worker_process.remove(str(left))
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


_MOST_CROWDED = 3.0
_ALONE = 1.5
"""Crowding up to which a machine counts as ours."""
_LOOK = 0.2
"""Seconds for which a look at how busy the machine is holds."""


def crowding() -> float:
    """Processes that want to run for each core, now or in the last minute; from 1 to 3."""
    try:
        text = Path("/proc/loadavg").read_text(encoding="ascii").split()
        wanting = max(float(text[0]), float(text[3].partition("/")[0]))
    except (OSError, ValueError, IndexError):
        wanting = os.getloadavg()[0] if hasattr(os, "getloadavg") else 1.0
    return min(_MOST_CROWDED, max(1.0, wanting / (os.cpu_count() or 1)))
