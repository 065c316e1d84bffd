"""A command, and what the supervisor that runs it is told: two plans, of which the second is for want of namespaces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import programs

REPORT = "{report}"
"""In a command, stands for the path of a pipe; what is written to it comes back as `CommandRun.report`."""

_PASSED_ON = ("LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "CONDA_PREFIX", "JAVA_HOME", "PYENV_ROOT", "PYENV_VERSION")
_ROOT = "root"
"""The folder in which a view of the file system is built."""
_DEVICES = ("/dev/urandom", "/dev/random", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg")
_SHARED = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/shm")


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """What a command and all that it starts may take."""

    seconds: float = 300.0
    """Wall seconds."""
    memory_mb: int = 4096
    """MiB that are its processes' own, added up; looked at five times a second."""
    processes: int = 512
    file_mb: int = 1024
    """MiB of each file."""
    output_mb: int = 64
    """MiB that it may print, and again report."""
    open_files: int = 4096


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, and where."""

    argv: tuple[str, ...]
    """The program and its arguments; no shell reads them. A program with a slash is looked for from the folder."""
    copy: Path
    """What the command works on, and may change."""
    folder: Path
    """The folder that the copy stands for."""
    readable: tuple[Path, ...] = ()
    """What it may read besides; what lies in the folder, and not in the copy, is found at its place in the copy."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables besides the few that every command gets."""
    network: bool = False


def job(
    command: Command, program: Path, limits: CommandLimits, min_level: int, base: Path, writing: int
) -> dict[str, object]:
    """What `_cell.confine` is told.

    Args:
        program: the file of the command's program.
        base: a folder with `root`, `scratch/tmp`, `scratch/home` and `report/pipe`.
        writing: the descriptor for its own report.
    """
    wanted = (*command.readable, *programs.needed(command.argv, command.folder, programs.path()))
    plans = _Plans(command, program, base, [place for place in wanted if not _copied(command, place)])
    return {
        "report": writing,
        "base": str(base / _ROOT),
        "network": command.network,
        "min_level": min_level,
        "memory_mb": limits.memory_mb,
        "processes": limits.processes,
        "file_mb": limits.file_mb,
        "open_files": limits.open_files,
        # Only a backstop: threads spend it faster than the clock goes.
        "cpu_seconds": int(limits.seconds * (os.cpu_count() or 1)) + 10,
        "inside": plans.inside(),
        "beside": plans.beside(),
    }


def _copied(command: Command, place: Path) -> bool:
    """Whether the copy has it: the folder's own must not come before that."""
    return place.is_relative_to(command.folder) and (command.copy / place.relative_to(command.folder)).exists()


@dataclass(frozen=True, slots=True)
class _Plans:
    command: Command
    program: Path
    base: Path
    readable: Sequence[Path]

    def inside(self) -> dict[str, object]:
        """With a view of the file system of its own, where the copy lies at the folder's place."""
        scratch, folder = str(self.base / "scratch"), str(self.command.folder)
        within = [place for place in self.readable if place.is_relative_to(self.command.folder)]
        without = [place for place in self.readable if place not in within]
        binds = [
            *((os.path.realpath(place), place, False) for place in programs.SYSTEM),
            (f"{scratch}/tmp", "/tmp", True),
            *((os.path.realpath(place), str(place), False) for place in without),
            (str(self.command.copy), folder, True),
            *((os.path.realpath(place), str(place), False) for place in within),
            (scratch, scratch, True),
            (str(self.base / "report"), "/report", False),
        ]
        return {
            **self._plan(folder, "/report/pipe"),
            "binds": binds,
            "listed": ["/"],
            "readable": [*programs.SYSTEM, *map(str, self.readable), "/proc"],
            "writable": [folder, scratch, "/tmp", "/dev"],
            "written": ["/report/pipe"],
        }

    def beside(self) -> dict[str, object]:
        """In the file system of everybody, of which only these parts may be opened."""
        copy, folder, pipe = self.command.copy, self.command.folder, str(self.base / "report" / "pipe")
        links = [
            (str(place), str(copy / place.relative_to(folder)))
            for place in self.readable
            if place.is_relative_to(folder)
        ]
        return {
            **self._plan(str(copy), pipe),
            "links": links,
            "listed": [],
            "readable": [*programs.SYSTEM, *map(os.path.realpath, self.readable), *_DEVICES],
            "writable": [str(copy), str(self.base / "scratch"), *_SHARED],
            "written": [pipe],
        }

    def _plan(self, cwd: str, pipe: str) -> dict[str, object]:
        first, *rest = self.command.argv
        # A program of the project's own is the copy's.
        own = "/" in first and (self.command.copy / first).exists()
        program = os.path.join(cwd, first) if own else str(self.program)
        return {
            "argv": [program, *(word.replace(REPORT, pipe) for word in rest)],
            "cwd": cwd,
            "env": self._environment(),
        }

    def _environment(self) -> dict[str, str]:
        scratch = self.base / "scratch"
        passed = {n: v for n, v in os.environ.items() if n in _PASSED_ON or n.startswith("LC_")}
        return {
            "PATH": programs.path(),
            "HOME": str(scratch / "home"),
            "TMPDIR": str(scratch / "tmp"),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "PYTHONHASHSEED": "0",
            **passed,
            **self.command.environment,
        }
