"""Runs a command of the user's, such as `pytest -q`, on a copy of a folder: all its processes confined, none left.

It may start programs, fork, and talk to itself. It may write below the copy and in a scratch folder of its own, read
the system's programs and libraries and its own installation, and nothing else; there is no network unless that is
asked for, and no variable of the environment but a few. Linux only.

Where namespaces are to be had, the copy lies at the path of the folder it stands for, so that what is installed from
that folder ("editable") is imported from the copy.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

from ..errors import ConfigError, SandboxUnavailable
from . import programs
from .command_job import REPORT, Command, CommandLimits, job
from .execution import Isolation

__all__ = ["REPORT", "Command", "CommandLimits", "CommandRun", "Ended", "remove", "run_command"]

Ended: TypeAlias = Literal["exited", "killed", "timeout", "memory", "processes", "output"]
"""`killed`: by a signal that was not ours."""

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from _cell.confine import main; main()"
_CHUNK = 65536
_HEAD, _TAIL = 16_384, 49_152
_GRACE = 10.0
"""Seconds that the supervisor has to end its tree, before it is killed itself."""


@dataclass(frozen=True, slots=True)
class CommandRun:
    """How a command fared."""

    ended: Ended
    status: int | None
    """What it exited with, below zero the signal that killed it; `None` where it was stopped."""
    output: str
    """What it printed, cut in the middle."""
    report: bytes
    """What was written to the pipe; nothing of it can have been taken back."""
    seconds: float
    cpu_seconds: float
    peak_mb: float
    isolation: Isolation


async def run_command(command: Command, limits: CommandLimits | None = None, min_level: int = 2) -> CommandRun:
    """Runs a command to its end. At most one for each core runs at a time; cancelling kills it.

    Raises:
        ConfigError: there is no such program.
        SandboxUnavailable: it cannot be started here, or not kept apart as well as `min_level` asks.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable("commands are confined on Linux only; use WSL 2, a container or a virtual machine")
    program = programs.found(command.argv[0], command.folder, programs.path())
    if program is None:
        raise ConfigError(
            f"there is no program '{command.argv[0]}'; name one on PATH, or give its path from the folder"
        )
    async with _turn():
        base = await asyncio.to_thread(_made)
        try:
            return await _Running(command, program, limits or CommandLimits(), min_level, base).run()
        finally:
            await asyncio.to_thread(remove, base)


def remove(folder: Path) -> None:
    """Removes a folder with whatever a hostile program has put into it: depths, and modes that forbid it.

    Raises:
        OSError: something of it is left.
    """
    with suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    for words in (("chmod", "-R", "u+rwX", "--"), ("rm", "-rf", "--")):
        subprocess.run([*words, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if folder.exists():
        raise OSError(f"{folder} cannot be removed")


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    turns = _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(os.cpu_count() or 1))
    async with turns:
        yield


def _made() -> Path:
    base = Path(os.path.realpath(tempfile.mkdtemp(prefix="command-")))
    for name in ("root", "report", "scratch", "scratch/tmp", "scratch/home"):
        (base / name).mkdir(mode=0o700)
    os.mkfifo(base / "report" / "pipe", 0o600)
    return base


class _Running:
    """One run of one command."""

    def __init__(self, command: Command, program: Path, limits: CommandLimits, min_level: int, base: Path) -> None:
        self.command, self.program, self.limits, self.min_level = command, program, limits, min_level
        self.base = base
        self.printed = _Kept(_HEAD, _TAIL)
        self.reported = bytearray()
        self.most = limits.output_mb * 2**20
        self.over = asyncio.Event()
        """It has ended, or should be."""

    async def run(self) -> CommandRun:
        # Open for writing too, so that it has no end however often others open and close it.
        report = os.open(self.base / "report" / "pipe", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        reading, writing = os.pipe()
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(report, self._read_report, report)
            try:
                process, watcher = await self._started(writing)
            finally:
                os.close(writing)
            ended = await self._followed(process, watcher)
            self._read_report(report)
            facts = await asyncio.to_thread(_all_of, reading)
        finally:
            loop.remove_reader(report)
            os.close(report)
            os.close(reading)
        return self._judged(ended, facts)

    async def _started(self, writing: int) -> tuple[asyncio.SubprocessTransport, _Watcher]:
        watcher = _Watcher(self._printed, self.over)
        try:
            process, _ = await asyncio.get_running_loop().subprocess_exec(
                lambda: watcher,
                sys.executable, "-I", "-S", "-c", _BOOT, str(Path(__file__).parent),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={}, cwd="/", pass_fds=(writing,), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            message = f"cannot start {sys.executable} to run a command: {error.strerror}; free processes or memory"
            raise SandboxUnavailable(message) from error
        told = job(self.command, self.program, self.limits, self.min_level, self.base, writing)
        _control(process).write(json.dumps(told).encode() + b"\n")
        return process, watcher

    async def _followed(self, process: asyncio.SubprocessTransport, watcher: _Watcher) -> Ended | None:
        """Until its end; what the host stopped it for."""
        ended: Ended | None = None
        try:
            async with asyncio.timeout(self.limits.seconds):
                await self.over.wait()
            ended = "output" if max(self.printed.size, len(self.reported)) > self.most else None
        except TimeoutError:
            ended = "timeout"
        finally:
            # The supervisor ends its tree and then itself. Where that was killed, or cannot, at least it is ended.
            for end in (_control(process).close, process.close):
                end()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GRACE):
                        await watcher.ended.wait()
        return ended

    def _printed(self, chunk: bytes) -> None:
        self.printed.add(chunk)
        if self.printed.size > self.most:
            self.over.set()

    def _read_report(self, report: int) -> None:
        with suppress(BlockingIOError):
            while len(self.reported) <= self.most:
                self.reported += os.read(report, _CHUNK)
            asyncio.get_running_loop().remove_reader(report)
            self.over.set()

    def _judged(self, ended: Ended | None, facts: Mapping[str, Any]) -> CommandRun:
        if failed := facts.get("failed"):
            raise SandboxUnavailable(f"cannot run {self.command.argv[0]} confined: {failed}")
        if "level" not in facts:
            raise SandboxUnavailable(
                f"cannot run {self.command.argv[0]} confined: {self.printed.text().strip()[-200:]}"
            )
        status: int | None = facts.get("status")
        if len(self.reported) > self.most:
            ended, status = "output", None
        stopped: Ended | None = None if status is not None else ended or facts["stopped"]
        return CommandRun(
            ended=stopped or ("killed" if status is not None and status < 0 else "exited"),
            status=status,
            output=self.printed.text(),
            report=bytes(self.reported),
            seconds=facts["seconds"],
            cpu_seconds=facts["cpu_seconds"],
            peak_mb=facts["peak_mb"],
            isolation=Isolation(facts["level"], facts["mechanisms"], tuple(facts["lacking"]), facts["reasons"]),
        )


class _Watcher(asyncio.SubprocessProtocol):
    """Hears from the supervisor."""

    def __init__(self, printed: Callable[[bytes], None], over: asyncio.Event) -> None:
        self.printed, self.over, self.ended = printed, over, asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.printed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        # It has ended, and all that it printed is here.
        self.ended.set()
        self.over.set()


def _control(process: asyncio.SubprocessTransport) -> asyncio.WriteTransport:
    pipe = process.get_pipe_transport(0)
    assert isinstance(pipe, asyncio.WriteTransport)
    return pipe


class _Kept:
    """The beginning and the end of what was printed."""

    def __init__(self, head: int, tail: int) -> None:
        self.size = 0
        self._head, self._most_head = bytearray(), head
        self._tail: deque[bytes] = deque()
        self._held, self._most_tail = 0, tail

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = self._most_head - len(self._head)
        self._head += chunk[:room]
        if rest := chunk[room:]:
            self._tail.append(rest)
            self._held += len(rest)
        while self._tail and self._held - len(self._tail[0]) >= self._most_tail:
            self._held -= len(self._tail.popleft())

    def text(self) -> str:
        tail = b"".join(self._tail)[-self._most_tail :]
        left_out = self.size - len(self._head) - len(tail)
        cut = f"\n... {left_out} bytes left out ...\n".encode() if left_out else b""
        return (bytes(self._head) + cut + tail).decode(errors="replace")


def _all_of(pipe: int) -> dict[str, Any]:
    with open(pipe, "rb", closefd=False) as file:
        text = file.read()
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
