"""Runs a project's own tests on a copy with the candidate's edits."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from orchestrator.errors import VerifierError
from orchestrator.sandbox import programs
from orchestrator.sandbox.command import CommandLimits
from orchestrator.types import Candidate, Estimate, Problem, Verdict

from .project import files, junit, reply
from .project.draft import Change, Draft, Rejected, inside
from .project.judging import Judgement, judged
from .project.once import Once
from .project.trial import Baseline, Trial, stopped, with_report

if TYPE_CHECKING:
    from orchestrator.run import Run
    from orchestrator.sandbox import Sandbox

_NAME = "project_tests"
_TRUST = {"trust": True}
_LONGEST = 1000
_BASELINES: Once[Baseline] = Once()
_JUDGEMENTS: Once[Judgement] = Once()

PROTECTED = (
    "**/test/**", "**/tests/**", "**/__tests__/**", "test_*.py", "*_test.*", "*.test.*", "*.spec.*", "conftest.py",
    "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "setup.cfg", "tox.ini", "noxfile.py",
    "Makefile", "package.json", "jest.config.*", "vitest.config.*", ".coveragerc",
    "sitecustomize.py", "usercustomize.py", "*.pth", "/pytest.py", "/pytest/**", "/_pytest/**", "/unittest/**",
)  # fmt: skip
"""Tests, what configures them, and names that would stand in for the runner."""


@dataclass(frozen=True, slots=True)
class ProjectTests:
    """Passes a candidate with whose edits a project's own tests pass: on a sandboxed copy, with the command you give.

    The reply's edits (search/replace blocks, diffs, whole files in fenced blocks under their path) are made on a copy
    of the files that git tracks. Edits outside the folder, through links and into `.git` reject the candidate; those of
    test and configuration files are left out. Every test that the unedited project lists must be listed, none may fail,
    and none may be skipped that is not skipped there. The score is the share of those tests that pass.

    A pass is `cooperative`, never `verified`: the code under test runs in the process of its tests, and one made to
    deceive could forge their report.

    Raises:
        ValueError: the command cannot be read or is not there, or it is not said where its report is.
    """

    command: str = field(metadata=_TRUST)
    """Such as `pytest -q`; no shell reads it. For others than pytest, `{report}` stands for the file that the command
    writes its JUnit XML to."""
    folder: Path = Path()
    """The project, or the part of it that is copied."""
    report: str = field(default="", metadata=_TRUST)
    """Pattern of the report files, for a command that cannot be told where to write; `{report}` is safer."""
    protected: tuple[str, ...] = field(default=PROTECTED, metadata=_TRUST)
    """Patterns of files that no edit changes."""
    also: tuple[str, ...] = field(default=(), metadata=_TRUST)
    """Patterns of files that are copied though git does not track them."""
    readable: tuple[Path, ...] = ()
    """What the command may read besides, such as `node_modules`; its own installation and the system's are known."""
    pass_env: tuple[str, ...] = field(default=(), metadata=_TRUST)
    """Variables of the environment that the command gets."""
    timeout: float = 300.0
    """Wall seconds of a run."""
    memory_mb: int = 4096
    """MiB that all processes of a run may take together."""
    network: bool = field(default=False, metadata=_TRUST)
    """Whether the command may reach others than itself."""
    min_isolation: int = field(default=2, metadata=_TRUST)
    """The level of isolation below which nothing is run; of this and `--min-isolation` the higher counts."""

    needs: ClassVar[str] = "replies that edit files of a git repository"

    def __post_init__(self) -> None:
        folder = self.folder.expanduser()
        if not folder.is_dir():
            raise ValueError(f"folder={self.folder} is not a folder")
        argv = shlex.split(self.command)
        if not argv:
            raise ValueError("the command is empty")
        if programs.found(argv[0], folder, programs.path()) is None:
            raise ValueError(f"there is no program '{argv[0]}'; name one on PATH, or give its path from the folder")
        with_report(tuple(argv), self.report)

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        box = run.sandbox
        trial = self._trial(box)
        state = await trial.state()
        try:
            changes = await asyncio.to_thread(self._changes, trial, candidate.text, state.files)
        except Rejected as rejected:
            return _verdict(Judgement(False, 0.0, str(rejected)))
        baseline = await _BASELINES.get((trial, state.digest), lambda: trial.baseline(state, box))
        if baseline.failure:
            raise VerifierError(f"project_tests: on the unedited copy of {trial.folder}, {baseline.failure}")
        made = blake2b(repr(changes).encode("utf-8", "surrogatepass")).digest()
        found = await _JUDGEMENTS.get(
            (trial, state.digest, made), lambda: self._judged(trial, state, baseline, changes, box)
        )
        return _verdict(found)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)

    def _trial(self, box: Sandbox) -> Trial:
        folder = self.folder.expanduser().resolve()
        return Trial(
            argv=with_report(tuple(shlex.split(self.command)), self.report),
            folder=folder,
            report=self.report,
            protected=self.protected,
            also=self.also,
            readable=tuple(folder / place.expanduser() for place in self.readable),
            pass_env=self.pass_env,
            limits=CommandLimits(seconds=self.timeout, memory_mb=self.memory_mb),
            network=self.network,
            min_level=max(self.min_isolation, box.min_level),
        )

    def _changes(self, trial: Trial, text: str, known: tuple[str, ...]) -> list[Change]:
        """The edits that count.

        Raises:
            Rejected: there are none, or one goes where it must not.
        """
        every = reply.changes(text, known)
        if not every:
            raise Rejected("there are no edits in the reply: no diff, search/replace block or file under its path")
        named = [[inside(path) for path in change.paths] for change in every]
        own = [change for change, paths in zip(every, named, strict=True) if len(trial.kept(paths)) < len(paths)]
        if not own:
            raise Rejected("the edits change nothing but test and configuration files, which stay as they are")
        return own

    async def _judged(
        self, trial: Trial, state: files.State, baseline: Baseline, changes: list[Change], box: Sandbox
    ) -> Judgement:
        async with trial.copy(state) as folder:
            try:
                await asyncio.to_thread(_edit, trial, folder, changes)
            except Rejected as rejected:
                return Judgement(False, 0.0, str(rejected))
            run = await trial.run(folder, state, box)
        if run.ended.ended != "exited":
            return Judgement(False, 0.0, f"the command {stopped(run.ended, trial.limits)}")
        try:
            found = judged(baseline.report, run.read(), run.ended.status)
        except junit.BadReport as error:
            return Judgement(False, 0.0, f"{error}, and ended with status {run.ended.status}{run.tail}")
        if meddled := [path for path in run.changed if path not in baseline.changed]:
            return Judgement(False, 0.0, f"the run changed {', '.join(meddled[:3])}")
        return found


def _verdict(found: Judgement) -> Verdict:
    # Names of tests and files are the candidate's to choose.
    reason = " ".join(found.reason.split())[:_LONGEST]
    return Verdict(found.share, found.passed, reason, _NAME, cooperative=True)


def _edit(trial: Trial, folder: Path, changes: list[Change]) -> None:
    draft = Draft(folder)
    for change in changes:
        change.make(draft)
    for path in trial.kept(list(draft.changed)):
        del draft.changed[path]
    if not draft.alters():
        raise Rejected("the edits change nothing")
    draft.save()
