"""Preparing on a set: what is asked goes through a run's journal, so that a preparation that was cut off can go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from orchestrator.folder import RunFolder
from orchestrator.ledger import Scope
from orchestrator.protocols import Prepares
from orchestrator.sandbox import Sandbox
from orchestrator.types import Usage
from orchestrator.workshop import Workshop

from .asking import Asking
from .case import Case
from .lesson import lessons_of
from .plan import Plan


@dataclass(slots=True)
class Preparing:
    """One invocation of a preparation.

    The same over the same folder goes on where the last one was cut off: nothing that it paid for is paid again.
    """

    maker: Prepares
    plan: Plan
    """Whom it asks, the cap on all invocations together (`run_budget`) and the seed, the first of `seeds`."""
    folder: RunFolder
    watcher: Callable[[int], None] = lambda calls: None
    """Told now and then how many calls were used."""
    _asking: Asking = field(init=False)

    def __post_init__(self) -> None:
        self._asking = Asking(self.plan, self.folder, self.watcher)

    @property
    def usage(self) -> Usage:
        """Of this invocation; what the journal gave counts as `cached_calls`."""
        return self._asking.usage

    @property
    def scope(self) -> Scope:
        """What was paid, in all invocations."""
        return self._asking.scope

    async def __call__(self, cases: Sequence[Case]) -> str:
        """The text of the file.

        Raises:
            BudgetExceeded: the cap ended it.
            Stopped: it was interrupted.
            ExpertError: experts failed on every lesson of a step.
            OrchestratorError: the lessons, the configuration, the journal or the sandbox failed.
        """
        return await self._asking(partial(self._prepared, cases))

    async def _prepared(self, cases: Sequence[Case], workshop: Workshop, sandbox: Sandbox) -> str:
        if any(case.problem.kind == "code" for case in cases):
            await sandbox.isolate()  # before anybody is paid for a program
        return await self.maker.prepare(list(lessons_of(cases, sandbox)), workshop)
