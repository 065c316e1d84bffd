"""Asking about a set outside of a benchmark: through a run's journal, so that what was cut off can go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator import answers
from orchestrator.conduct import Setting, plain
from orchestrator.engine import Engine, SqliteJournal
from orchestrator.errors import Stopped
from orchestrator.folder import RunFolder
from orchestrator.ledger import Scope
from orchestrator.run import Deadline, within
from orchestrator.sandbox import Sandbox
from orchestrator.serving import backend_of, batch_of, fallbacks_of, loader_of, warm
from orchestrator.types import Usage
from orchestrator.workshop import Workshop

from .interrupt import on_interrupt
from .plan import Plan
from .stopwatch import Stopwatch

Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)
_LOOK = 0.5
"""Seconds between two looks at how far it has come."""


@dataclass(slots=True)
class Asking:
    """One invocation of work that asks experts.

    The same over the same folder goes on where the last one was cut off: nothing that it paid for is paid again.
    """

    plan: Plan
    """Whom it asks, the cap on all invocations together (`run_budget`) and the seed, the first of `seeds`."""
    folder: RunFolder
    watcher: Callable[[int], None] = lambda calls: None
    """Told now and then how many calls were used."""
    interrupted: bool = False
    """By Ctrl-C or SIGTERM: what is in flight lands and is kept, nothing more is asked."""
    usage: Usage = Usage()
    """Of this invocation; what the journal gave counts as `cached_calls`."""
    scope: Scope = field(init=False)
    """What was paid, in all invocations."""
    _engine: Engine = field(init=False)
    _limit: asyncio.Timeout = field(init=False)

    async def __call__(self, work: Callable[[Workshop, Sandbox], Awaitable[Result]]) -> Result:
        """What the work comes to.

        Raises:
            BudgetExceeded: the cap ended it.
            Stopped: it was interrupted.
            ExpertError: experts failed on everything in a step of it.
            OrchestratorError: the work, the configuration, the journal or the sandbox failed.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(answers.aclose)
            with on_interrupt(self._interrupt, self._end_now):
                try:
                    return await self._limited(work, stack)
                except Exception as error:
                    raise plain(error) from None

    async def _limited(self, work: Callable[[Workshop, Sandbox], Awaitable[Result]], stack: AsyncExitStack) -> Result:
        sandbox = await stack.enter_async_context(Sandbox(min_level=self.plan.min_isolation))
        journal = SqliteJournal(self.folder.journal)
        self._engine = await stack.enter_async_context(
            Engine(self.plan.everybody, backend_of, journal, loader_of=loader_of, tell=_LOG.warning, batch_of=batch_of)
        )
        stopwatch = Stopwatch(journal, asyncio.get_running_loop().time)
        self.scope = Scope("run", self.plan.run_budget, paid=True, spent=journal.paid + journal.losses.of("run"))
        self._engine.batches.bear(self.scope)
        try:
            async with asyncio.timeout(None) as self._limit, within(Deadline.after(self.scope, stopwatch.start)):
                await warm(self.plan.everybody.values())
                return await self._watched(work, sandbox)
        except TimeoutError:
            if not self._limit.expired():
                raise
            raise Stopped from None
        finally:
            stopwatch.note(now=True)

    async def _watched(self, work: Callable[[Workshop, Sandbox], Awaitable[Result]], sandbox: Sandbox) -> Result:
        workshop = Workshop(self._setting(sandbox), self.scope, self.plan.seeds[0])
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(workshop))
            try:
                return await work(workshop, sandbox)
            finally:
                watching.cancel()
                if self.interrupted:
                    await self._engine.drain()
                self.usage = workshop.usage

    def _setting(self, sandbox: Sandbox) -> Setting:
        plan = self.plan
        fallbacks = fallbacks_of(plan.everybody.values())
        return Setting(
            self._engine, plan.experts, plan.roles, fallbacks, sandbox=sandbox, prompts=plan.prompts
        )  # fmt: skip

    async def _watch(self, workshop: Workshop) -> None:
        while True:
            self.watcher(workshop.usage.calls)
            await asyncio.sleep(_LOOK)

    def _interrupt(self) -> None:
        self.interrupted = True
        self._engine.stop()

    def _end_now(self) -> None:
        if not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())
