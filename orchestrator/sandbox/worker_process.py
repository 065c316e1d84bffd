"""One worker of a sandbox as the host sees it: a process started by exec, spoken to over its standard streams."""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import tempfile
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import IO, Any, Protocol

from ..errors import SandboxUnavailable
from ._cell import wire
from ._cell.scratch import empty
from .packing import Packed

_START_SECONDS = 30.0
_GRACE = 8.0
"""Wall seconds beyond a job's own limits until its worker is taken for lost."""
_CANCEL_SECONDS = 0.5
_SUITES = 32
"""Suites that a worker remembers."""
_ROOT = Path(__file__).with_name("_cell")


class Lost(Exception):
    """The worker ended or did not answer; `late` says which."""

    def __init__(self, late: bool) -> None:
        super().__init__("late" if late else "ended")
        self.late = late


class Cancelling(Protocol):
    """What tells a waiting thread that nobody wants the result any more."""

    @property
    def cancelled(self) -> bool: ...


@dataclass(slots=True)
class WorkerProcess:
    """Runs one job at a time; not to be shared by threads."""

    process: subprocess.Popen[bytes]
    scratch: str
    """A folder of ours that goes with the process."""
    errors: IO[bytes]
    channel: wire.Channel
    ready: dict[str, Any] = field(default_factory=dict)
    jobs: int = 0
    _known: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def run(self, job: dict[str, Any], suite: Packed, seconds: float, watch: Cancelling) -> dict[str, Any]:
        """What became of a job.

        Raises:
            Lost: there is no answer; the process is dead then.
        """
        self.jobs += 1
        forget, new = self._introduce(suite)
        known = wire.encoded({**job, "suite": suite.key, "forget": forget})
        message = f'["job",{self.jobs},{known},{new or "null"}]'
        end = time.monotonic() + seconds + _GRACE
        try:
            self.channel.send_text(message)
            reply = self.channel.receive(self._waiting(end, watch))
        except (wire.Ended, wire.Broken, wire.TooLarge) as error:
            late = self._own_alarm()
            self.kill()
            raise Lost(late) from error
        except TimeoutError as error:
            self.kill()
            raise Lost(True) from error
        found: dict[str, Any] = reply[2]
        return found

    def _own_alarm(self) -> bool:
        """Whether it has ended itself because a test's own code did not end."""
        try:
            return self.process.wait(1.0) in (-signal.SIGALRM, -signal.SIGPROF)
        except subprocess.TimeoutExpired:
            return False

    def _introduce(self, suite: Packed) -> tuple[list[str], str | None]:
        """Suites to forget, and the job's if the worker does not know it yet."""
        if suite.key in self._known:
            self._known.move_to_end(suite.key)
            return [], None
        self._known[suite.key] = None
        forget = [self._known.popitem(last=False)[0]] if len(self._known) > _SUITES else []
        return forget, suite.body

    def _waiting(self, end: float, watch: Cancelling) -> Any:
        """Called before each read: returns once there is something to read.

        A cancelled job is told to the worker; one that goes on nevertheless takes its worker with it.
        """
        told = False
        poll = select.poll()
        poll.register(self.channel.reading, select.POLLIN)

        def wait() -> None:
            nonlocal told, end
            while not poll.poll(_TICK):
                if watch.cancelled and not told:
                    told = True
                    end = min(end, time.monotonic() + _CANCEL_SECONDS)
                    self.channel.send(["cancel"])
                if time.monotonic() > end:
                    raise TimeoutError

        return wait

    def kill(self) -> None:
        """Ends the worker; its zygote and candidates end with it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Hangs up, and waits until the worker is gone."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.errors.close()
        remove(self.scratch)


_TICK = 20
"""Milliseconds between looks for a cancellation."""


def start(command: list[str], settings: dict[str, Any], scratch: str, environment: dict[str, str]) -> WorkerProcess:
    """Starts a worker, and waits until it is ready.

    Raises:
        SandboxUnavailable: it does not start, or not in time.
    """
    errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the worker
    try:
        process = subprocess.Popen(
            [*command, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        errors.close()
        remove(scratch)
        message = f"cannot start {command[0]} to run programs: {error.strerror}; free processes or memory"
        raise SandboxUnavailable(message) from error
    assert process.stdin is not None
    assert process.stdout is not None
    channel = wire.Channel(process.stdout.fileno(), process.stdin.fileno())
    worker = WorkerProcess(process, scratch, errors, channel)
    try:
        message = channel.receive(worker._waiting(time.monotonic() + _START_SECONDS, _Never()))
    except (wire.Ended, wire.Broken, TimeoutError) as error:
        said = _last_line(errors)
        worker.kill()
        raise SandboxUnavailable(f"the sandbox does not start: {said or 'no answer'}") from error
    worker.ready = message[1]
    return worker


@dataclass(frozen=True, slots=True)
class _Never:
    cancelled: bool = False


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


@cache
def script() -> str:
    """The file that a worker runs. Its modules are compiled here where nobody has: a worker writes nothing."""
    for source in _ROOT.glob("*.py"):
        if not _is_compiled(source):
            import py_compile

            with suppress(OSError, py_compile.PyCompileError):  # a folder of somebody else's: each start compiles
                py_compile.compile(str(source), doraise=True)
    return str(_ROOT / "__main__.py")


def _is_compiled(source: Path) -> bool:
    """Whether the interpreter would take the compiled form that lies beside the source, by time and size."""
    try:
        head = Path(cache_from_source(str(source))).read_bytes()[:16]
    except (OSError, NotImplementedError):
        return False
    about = source.stat()
    return head[8:16] == struct.pack("<II", int(about.st_mtime) & 0xFFFFFFFF, about.st_size & 0xFFFFFFFF)


def remove(folder: str) -> None:
    """Removes a folder that programs have written to, as far as that can be done."""
    with suppress(OSError):
        if empty(folder):
            os.rmdir(folder)
