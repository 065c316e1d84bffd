"""The bench: streams a set through strategies, and writes one line for each problem, strategy and seed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from orchestrator import answers
from orchestrator.conduct import Conduct, Setting
from orchestrator.contest import Contests
from orchestrator.engine import Engine, Journal, SqliteJournal
from orchestrator.errors import (
    ExpertLost,
    JournalError,
    OrchestratorError,
    SandboxUnavailable,
    Stopped,
    Unsuited,
    VerifierError,
)
from orchestrator.folder import RunFolder
from orchestrator.ledger import Scope
from orchestrator.run import Deadline
from orchestrator.sandbox import Sandbox
from orchestrator.serving import backend_of, batch_of, begin_loading, fallbacks_of, loader_of, warm
from orchestrator.types import Json, Outcome

from .case import Case
from .earlier import Keys, recall
from .entry import Entry, crashed, graded
from .interrupt import on_interrupt
from .loads import Loads
from .plan import Job, Plan, Row
from .reusing import with_other
from .stopwatch import Stopwatch
from .stranding import PATIENCE, Stranding
from .tally import Tally
from .watcher import Watcher

__all__ = ["Bench", "Plan", "Row", "Watcher"]

_BREATH = 64
"""Cases read before everything else gets its turn: most of a resumed run's are skipped."""
_GRACE = 2.0
"""Seconds that replies in flight get to land in the journal once no expert is left."""


@dataclass(slots=True)
class Bench:
    """One invocation of a run.

    A problem that is cut by the run budget, by an interruption or by the loss of all its experts has no line, and a
    resumed run takes it up again.
    """

    plan: Plan
    folder: RunFolder
    watcher: Watcher | None = None
    tallies: dict[str, Tally] = field(default_factory=dict)
    """By name of the row, the lines of earlier invocations among them."""
    problems: int = 0
    """Cases read so far."""
    running: int = 0
    """Problems in flight."""
    interrupted: bool = False
    """By Ctrl-C or SIGTERM: what is in flight lands and is kept, nothing more is asked."""
    out_of_budget: str = ""
    """Why the run budget ended the run, if it did."""
    lost: ExpertLost | None = None
    """Set when no expert is left; at the end also where some problems have no line for want of one."""
    failure: Exception | None = None
    """What ended the run where it is nobody's doing named above; raised once everything is saved."""
    cut: int = 0
    """Problems that were begun and have no line."""
    complete: bool = False
    """Whether every problem that was to be run has its line; known at the end."""
    engine: Engine = field(init=False)
    sandbox: Sandbox = field(init=False)
    """Runs the programs of all problems, for verifiers and for grading."""
    scope: Scope = field(init=False)
    """What is paid for the whole run, earlier invocations included."""
    stopwatch: Stopwatch = field(init=False)
    loads: Loads = field(init=False)
    """How often models that share memory were loaded."""
    _contests: Contests = field(default_factory=Contests)
    _earlier: Keys = field(default_factory=Keys)
    _setting: Setting = field(init=False)
    _limit: asyncio.Timeout = field(init=False)
    _loading: asyncio.Timeout | None = None
    """Ends the wait for what calls need."""
    _loaded: bool = False
    _stranding: Stranding = field(init=False)
    _crashes: int = 0
    """In a row."""
    _explained: set[str] = field(default_factory=set)
    """Names of the rows of which one such problem was told."""

    async def __call__(self, cases: Iterable[Case]) -> list[dict[str, Json]]:
        """Runs what has no line yet; returns one row of results for each row of the plan.

        Raises:
            OrchestratorError: the set, the configuration, the journal or the sandbox failed; all else is saved.
        """
        begin_loading(self.plan.everybody.values())
        async with AsyncExitStack() as stack:
            stack.push_async_callback(answers.aclose)
            with on_interrupt(self._interrupt, self._end_now):
                await self._open(stack)
                try:
                    await self._limited(cases)
                finally:
                    self.stopwatch.note(now=True)
                    self.folder.append_trace(self.loads.rows(self.stopwatch.start))
        if self.failure is not None:
            raise self.failure
        self.interrupted = self.interrupted and not self.complete
        self.lost = self.lost or self._stranding.first
        return [tally.row(name, self.stopwatch.seconds) for name, tally in self.tallies.items()]

    @property
    def ended(self) -> bool:
        """Whether no more problems are taken up."""
        return bool(self.interrupted or self.out_of_budget or self.lost or self.failure)

    @property
    def gone(self) -> Mapping[str, ExpertLost]:
        """Rows that have lost all their experts, by name: their open problems have no line."""
        return self._stranding.gone

    @property
    def lines(self) -> int:
        """Result lines so far."""
        return sum(tally.lines for tally in self.tallies.values())

    # -- opening ------------------------------------------------------------------------

    async def _open(self, stack: AsyncExitStack) -> None:
        plan, clock = self.plan, asyncio.get_running_loop().time
        self.sandbox = await stack.enter_async_context(Sandbox(min_level=plan.min_isolation))
        journal = SqliteJournal(self.folder.journal)
        replies = await with_other(journal, plan.reuse)
        self.engine = await stack.enter_async_context(self._engine_on(replies))
        self.stopwatch = Stopwatch(journal, clock)
        self.scope = Scope("run", plan.run_budget, paid=True, spent=journal.paid + journal.losses.of("run"))
        self.engine.batches.bear(self.scope)
        self._setting = Setting(
            self.engine,
            plan.experts,
            plan.roles,
            fallbacks_of(plan.everybody.values()),
            deadline=Deadline.after(self.scope, self.stopwatch.start),
            sandbox=self.sandbox,
            prompts=plan.prompts,
            prefix_only=True,
        )
        self.tallies = {row.name: Tally() for row in plan.rows}
        self._stranding = Stranding(plan.experts, len(self.tallies))
        self.loads = Loads(journal, self.engine.groups)
        self._earlier = recall(self.folder, self.tallies)

    def _engine_on(self, replies: Journal) -> Engine:
        tell = self.watcher.tell if self.watcher is not None else logging.getLogger(__name__).warning
        return Engine(self.plan.everybody, backend_of, replies, loader_of=loader_of, tell=tell, batch_of=batch_of)

    # -- the loop -----------------------------------------------------------------------

    async def _limited(self, cases: Iterable[Case]) -> None:
        """Everything that takes time, until it is done or somebody wants it ended at once."""
        try:
            async with asyncio.timeout(None) as self._limit:
                await self._watched(cases)
        except TimeoutError:
            if not self._limit.expired():
                raise

    async def _watched(self, cases: Iterable[Case]) -> None:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            try:
                await self._all(cases)
                if self.interrupted or self.lost or self.failure:
                    await self.engine.drain()
            finally:
                watching.cancel()

    async def _watch(self) -> None:
        while True:
            pause = await self.watcher.look(self) if self.watcher is not None else 1.0
            self.stopwatch.note()
            await asyncio.sleep(pause)

    async def _all(self, cases: Iterable[Case]) -> None:
        room = asyncio.Semaphore(self.plan.concurrency)
        async with asyncio.TaskGroup() as group:
            for turn, case in enumerate(self._read(cases)):
                if turn % _BREATH == 0:
                    await asyncio.sleep(0)
                for job in self.plan.jobs(turn, case):
                    if job.key in self._earlier:
                        continue
                    await self._prepare(case)
                    await self._load()
                    await room.acquire()
                    if self.ended:
                        return
                    if job.row.name in self.gone:
                        room.release()
                    else:
                        group.create_task(self._follow(job, room))
        self.complete = not self.cut and self.failure is None

    async def _load(self) -> None:
        """Waits for what calls need before anybody's time runs, and no longer than the run is to go on."""
        if self._loading is not None or self.ended:
            return
        self._loading = limit = asyncio.timeout(None)
        try:
            async with limit:
                await warm(self.plan.everybody.values())
            self._loaded = True
        except TimeoutError:
            if not limit.expired():
                raise

    async def _prepare(self, case: Case) -> None:
        """Sees that programs can be run, and as far apart as is wanted, before anybody is paid for writing one."""
        if case.problem.kind == "code" and case.gradable and self.sandbox.isolation is None:
            try:
                await self.sandbox.isolate()
            except SandboxUnavailable as error:
                self._fail(error)

    def _read(self, cases: Iterable[Case]) -> Iterator[Case]:
        """The cases; where the set turns out to be broken, what is under way may still end."""
        try:
            for case in cases:
                self.problems += 1
                yield case
        except OrchestratorError as error:
            self.failure = error

    async def _follow(self, job: Job, room: asyncio.Semaphore) -> None:
        self.running += 1
        try:
            await self._one(job)
        except Stopped:
            self.cut += 1
        except Exception as error:
            self._fail(error)
        finally:
            self.running -= 1
            room.release()

    # -- one problem --------------------------------------------------------------------

    async def _one(self, job: Job) -> None:
        conduct = self._conduct(job)
        try:
            outcome = await conduct()
            if self._cut(job, conduct, outcome):
                self.cut += 1
                return
            entry = await graded(job, conduct, outcome)
            self._explain(job, entry, outcome.reason)
        except Unsuited as error:
            entry = replace(crashed(job, conduct, error), crash=None)
            self._explain(job, entry, str(error))
        except Exception as error:
            # A fault of one strategy or verifier on one problem; what concerns the whole run goes on.
            if isinstance(error, OrchestratorError) and not isinstance(error, VerifierError):
                raise
            entry = crashed(job, conduct, error)
        self._save(job, entry)
        self._judge(job, entry)

    def _conduct(self, job: Job) -> Conduct:
        problem, plan = job.case.problem, self.plan
        scope = Scope(job.scope, plan.budget, self.scope, spent=self.engine.journal.losses.of(job.scope))
        contestant = self._contests(problem, job.row.strategy, plan.verifier, plan.aggregator)
        setting = replace(self._setting, experts=job.row.experts)
        return Conduct(problem, contestant, setting, scope, seed=job.seed, salt=plan.salt(job), turn=job.turn)

    def _save(self, job: Job, entry: Entry) -> None:
        """Writes the trace and then the line, with nothing between the two that a kill could hit but itself."""
        try:
            self.folder.append_trace((*self.loads.rows(self.stopwatch.start), *entry.trace))
            self.folder.append_result(entry.line.to_json())
        except OSError as error:
            raise JournalError(f"{self.folder.path}: results cannot be written: {error.strerror}") from error
        tally = self.tallies[job.row.name]
        tally.add(entry.line)
        tally.spend(entry.usage)

    def _explain(self, job: Job, entry: Entry, reason: str) -> None:
        """Tells why the first problem of a row got no completion at all; the others are counted."""
        if entry.line.status == "error" and job.row.name not in self._explained and self.watcher is not None:
            self._explained.add(job.row.name)
            self.watcher.tell(f"problem {job.case.problem.id}, {job.row.name}: no completion: {reason}")

    def _judge(self, job: Job, entry: Entry) -> None:
        """Tells of a crash, and ends a run in which nothing else happens."""
        self._stranding.ended(job.row)
        self._crashes = self._crashes + 1 if entry.crash else 0
        if entry.crash is None:
            return
        if self.watcher is not None:
            self.watcher.tell(f"problem {job.case.problem.id}, {job.row.name}: {entry.line.error}")
        if self._crashes >= PATIENCE:
            raise entry.crash

    # -- ending -------------------------------------------------------------------------

    def _cut(self, job: Job, conduct: Conduct, outcome: Outcome) -> bool:
        """Whether the problem was ended from outside, and so gets no line."""
        if conduct.ended_by == self.scope.name:
            self.out_of_budget = self.out_of_budget or outcome.reason
            return True
        stranded = self._stranding.strands(job.row, conduct.trace, outcome, self._lost_by_now)
        if self._stranding.over is not None:
            self._lose(self._stranding.over)
        return stranded

    def _lost_by_now(self) -> dict[str, ExpertLost]:
        return {lane.expert.id: lane.breaker.lost for lane in self.engine.lanes() if lane.breaker.lost is not None}

    def _lose(self, error: ExpertLost) -> None:
        if self.lost is None:
            self.lost = error
            self.engine.stop()
            self._end_in(_GRACE)

    def _fail(self, error: Exception) -> None:
        self.failure = self.failure or error
        self.engine.stop()

    def _interrupt(self) -> None:
        self.interrupted = True
        if self._loading is not None and not self._loaded:
            self._loading.reschedule(asyncio.get_running_loop().time())
        self.engine.stop()

    def _end_now(self) -> None:
        self._end_in(0.0)

    def _end_in(self, seconds: float) -> None:
        if not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + seconds)
