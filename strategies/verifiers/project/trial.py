"""Runs a project's command on a copy of it, with a candidate's edits or without."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import VerifierError
from orchestrator.sandbox import Sandbox
from orchestrator.sandbox.command import REPORT, Command, CommandLimits, CommandRun, remove

from . import files, judging, junit
from .globs import matching

_LARGEST = 64 * 2**20
_TAIL = 300


@dataclass(frozen=True, slots=True)
class Trial:
    """How a project is put to the test."""

    argv: tuple[str, ...]
    folder: Path
    report: str
    """Pattern of the report files that the command writes in the project; empty where it writes to `{report}`."""
    protected: tuple[str, ...]
    also: tuple[str, ...]
    readable: tuple[Path, ...]
    pass_env: tuple[str, ...]
    limits: CommandLimits
    network: bool
    min_level: int

    @property
    def with_pytest(self) -> bool:
        return any(Path(word).name in ("pytest", "py.test") for word in self.argv)

    async def state(self) -> files.State:
        """The project as it is now."""
        return await asyncio.to_thread(files.state_of, self.folder, self.also)

    def kept(self, paths: list[str]) -> list[str]:
        """Those of the paths whose files are what they are, whatever a candidate makes of them."""
        return matching(paths, (*self.protected, f"/{self.argv[0].removeprefix('./')}"))

    @asynccontextmanager
    async def copy(self, state: files.State) -> AsyncIterator[Path]:
        """A copy of the project; gone afterwards.

        Raises:
            VerifierError: the project is no longer in this state.
        """
        folder = await asyncio.to_thread(_new_folder)
        try:
            await asyncio.to_thread(files.copy, state, folder)
            if await self.state() != state:
                raise VerifierError(f"files of {self.folder} changed while they were copied; run it again")
            yield folder
        finally:
            await asyncio.to_thread(remove, folder)

    async def baseline(self, state: files.State, box: Sandbox) -> Baseline:
        """How the unedited project fares."""
        once = self
        if self.with_pytest:
            # All tests are to be listed, whatever the project has pytest do after the first failure.
            once = replace(self, argv=(*self.argv, "--maxfail=0"))
        async with self.copy(state) as folder:
            run = await once.run(folder, state, box)
            if run.ended.ended != "exited":
                return Baseline({}, frozenset(), f"its command {stopped(run.ended, self.limits)}{run.tail}")
            try:
                report = run.read()
            except junit.BadReport as error:
                return Baseline({}, frozenset(), f"{error}{run.tail}")
            if not report:
                return Baseline({}, frozenset(), f"its command runs no test{run.tail}")
            return Baseline(report, frozenset(run.changed), "")

    async def run(self, folder: Path, state: files.State, box: Sandbox) -> Run:
        """Runs the command on a copy."""
        kept = self.kept(list(state.files))
        before = await asyncio.to_thread(files.contents, folder, kept)
        await asyncio.to_thread(self._clear, folder)
        command = Command(
            self.argv, folder, self.folder, self.readable,
            {name: os.environ[name] for name in self.pass_env if name in os.environ}, self.network,
        )  # fmt: skip
        ended = await box.command(command, self.limits, self.min_level)
        after = await asyncio.to_thread(files.contents, folder, kept)
        reports = [ended.report] if not self.report else await asyncio.to_thread(self._reports, folder)
        return Run(ended, tuple(reports), tuple(judging.changed(before, after)))

    def _clear(self, folder: Path) -> None:
        """No report of another time is taken for one of this."""
        if self.report:
            for path in matching(files.below(folder), (self.report,)):
                (folder / path).unlink()

    def _reports(self, folder: Path) -> list[bytes]:
        found = []
        for path in sorted(matching(files.below(folder), (self.report,))):
            try:
                held = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError:
                continue  # a link, or what may not be read: no report
            with os.fdopen(held, "rb") as file:
                if stat.S_ISREG(os.fstat(held).st_mode):
                    found.append(file.read(_LARGEST))
        return found


def _new_folder() -> Path:
    return Path(os.path.realpath(tempfile.mkdtemp(prefix="project-")))


@dataclass(frozen=True, slots=True)
class Run:
    """How the command fared on a copy."""

    ended: CommandRun
    reports: tuple[bytes, ...]
    changed: tuple[str, ...]
    """Protected files that are not what they were before."""

    @property
    def tail(self) -> str:
        """The end of what it printed, for the end of a message."""
        said = " ".join(self.ended.output.split())
        return f"; it printed: {'...' if len(said) > _TAIL else ''}{said[-_TAIL:]}" if said else ""

    def read(self) -> junit.Report:
        """The tests that it reports.

        Raises:
            BadReport: there is no report that can be read.
        """
        if not self.reports:
            raise junit.BadReport("the command wrote no report")
        return junit.merged(self.reports)


@dataclass(frozen=True, slots=True)
class Baseline:
    """How the unedited project fares."""

    report: junit.Report
    changed: frozenset[str]
    """Protected files that its own tests change."""
    failure: str
    """Why there is no report; empty where there is."""


def stopped(run: CommandRun, limits: CommandLimits) -> str:
    """Why a command that did not exit was stopped."""
    said: dict[str, Callable[[], str]] = {
        "timeout": lambda: f"was not done after {limits.seconds:g} s",
        "memory": lambda: f"took more than {limits.memory_mb} MiB",
        "processes": lambda: f"started more than {limits.processes} processes",
        "output": lambda: f"printed or reported more than {limits.output_mb} MiB",
        "killed": lambda: f"was killed by signal {-(run.status or 0)}",
    }
    return said[run.ended]()


def with_report(argv: tuple[str, ...], report: str) -> tuple[str, ...]:
    """The command with a place for its report; pytest is told by itself.

    Raises:
        ValueError: it is not said where the report is.
    """
    if report or any(REPORT in word for word in argv[1:]):
        return argv
    if any(Path(word).name in ("pytest", "py.test") for word in argv):
        # A module that cannot be read is no reason to run none of the others.
        return (*argv, f"--junit-xml={REPORT}", "--continue-on-collection-errors")
    raise ValueError(
        "say where the command writes its JUnit XML report: put {report} into it where the file's name belongs, or "
        'give the pattern of the files that it writes, as report="build/reports/*.xml"'
    )
