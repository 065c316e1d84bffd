"""The bench: streams a set through strategies, and writes one line for each problem, strategy and seed."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from orchestrator import answers, sandbox
from orchestrator.budget import Budget
from orchestrator.conduct import Conduct, Setting
from orchestrator.engine import Engine, SqliteJournal
from orchestrator.errors import ExpertLost
from orchestrator.folder import RunFolder
from orchestrator.ledger import Scope
from orchestrator.solve import backend_of, contestant_for, fallbacks_of, warm
from orchestrator.types import Expert, Json, Outcome, Usage

from .case import Case
from .grading import Grader
from .results import ResultLine, result_line
from .tally import Tally

SECONDS = "seconds"
"""Name of the number that a journal keeps beside its replies: wall seconds of all invocations."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the results: a strategy, and whom it asks."""

    name: str
    """As results have it; the spec where the strategy asks all experts."""
    strategy: str
    experts: tuple[Expert, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does with every case."""

    strategies: tuple[str, ...]
    experts: tuple[Expert, ...]
    verifier: str | None = None
    aggregator: str | None = None
    roles: Mapping[str, Expert] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    """Of each problem and strategy."""
    run_budget: Budget = field(default_factory=Budget)
    seeds: tuple[int, ...] = (0,)
    concurrency: int = 64
    """Problems in flight."""
    independent: bool = False
    """Strategies do not share replies to identical requests."""
    per_expert: bool = False
    """Each strategy asks every expert alone, for a row each."""

    @property
    def rows(self) -> tuple[Row, ...]:
        if not self.per_expert:
            return tuple(Row(spec, spec, self.experts) for spec in self.strategies)
        return tuple(Row(f"{spec} @ {e.id}", spec, (e,)) for spec in self.strategies for e in self.experts)


@dataclass(frozen=True, slots=True)
class _Job:
    turn: int
    case: Case
    row: Row
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        return self.case.problem.id, self.row.name, self.seed


@dataclass(slots=True)
class Bench:
    """One invocation of a run.

    Args:
        progress: called with (tallies by strategy, engine) after every line.
    """

    plan: Plan
    folder: RunFolder
    progress: Callable[[Mapping[str, Tally], Engine], None] | None = None
    tallies: dict[str, Tally] = field(default_factory=dict)
    done: set[tuple[str, str, int]] = field(default_factory=set)
    problems: set[str] = field(default_factory=set)
    interrupted: bool = False
    out_of_budget: str = ""
    """Why the run budget ended the run, if it did."""
    lost: ExpertLost | None = None
    """Set when no expert is left."""
    gone: dict[str, ExpertLost] = field(default_factory=dict)
    """Rows that lost all their experts, by name: their open problems have no line."""

    async def __call__(self, cases: Iterable[Case]) -> list[dict[str, Json]]:
        """Runs what has no line yet; returns one row of results for each strategy."""
        plan = self.plan
        self.tallies = {row.name: Tally() for row in plan.rows}
        self._recall()
        journal = SqliteJournal(self.folder.journal)
        before = journal.recall(SECONDS)
        scope = Scope("run", plan.run_budget, paid=True, spent=journal.paid + journal.losses.of("run"))
        everybody = {expert.id: expert for expert in (*plan.experts, *plan.roles.values())}
        start = time.monotonic()
        await warm(everybody.values())
        async with Engine(everybody, backend_of, journal) as engine:
            setting = Setting(engine, plan.experts, plan.roles, fallbacks_of(plan.experts), prefix_only=True)
            with self._interruptible(engine):
                await self._within(scope, before, self._all(cases, setting, scope))
            seconds = before + time.monotonic() - start
            journal.keep(SECONDS, seconds)
        await answers.aclose()
        await sandbox.aclose()
        return [tally.row(name, seconds) for name, tally in self.tallies.items()]

    # -- what earlier invocations did ---------------------------------------------------

    def _recall(self) -> None:
        for row in self.folder.results():
            line = ResultLine.read(row, str(self.folder.results_path))
            if line.key in self.done or line.strategy not in self.tallies:
                continue
            self.done.add(line.key)
            self.problems.add(line.problem)
            self.tallies[line.strategy].add(line)
        for row in self.folder.trace():
            usage, name = row.get("usage"), row.get("strategy")
            if isinstance(usage, dict) and isinstance(name, str) and name in self.tallies:
                self.tallies[name].spend(Usage(**usage))  # type: ignore[arg-type]

    # -- the loop -----------------------------------------------------------------------

    async def _within(self, scope: Scope, before: float, work: object) -> None:
        seconds = scope.budget.seconds
        try:
            async with asyncio.timeout(None if seconds is None else max(0.0, seconds - before)):
                await work  # type: ignore[misc]
        except TimeoutError:
            self.out_of_budget = f"budget of run ended: seconds={seconds:g}"

    def _jobs(self, cases: Iterable[Case]) -> Iterator[_Job]:
        for turn, case in enumerate(cases):
            self.problems.add(case.problem.id)
            for seed in self.plan.seeds:
                for row in self.plan.rows:
                    job = _Job(turn, case, row, seed)
                    if job.key not in self.done and row.name not in self.gone:
                        yield job

    async def _all(self, cases: Iterable[Case], setting: Setting, scope: Scope) -> None:
        room = asyncio.Semaphore(self.plan.concurrency)
        ending = asyncio.Event()

        async def follow(job: _Job) -> None:
            try:
                await self._one(job, setting, scope)
                if self.out_of_budget or self.lost or self.interrupted:
                    ending.set()
            finally:
                room.release()

        async with asyncio.TaskGroup() as group:
            for job in self._jobs(cases):
                await room.acquire()
                if ending.is_set() or self.interrupted:
                    break
                group.create_task(follow(job))

    async def _one(self, job: _Job, setting: Setting, scope: Scope) -> None:
        problem = job.case.problem
        own = Scope("|".join((problem.id, job.row.name, str(job.seed))), self.plan.budget, scope)
        own.spent = setting.engine.journal.losses.of(own.name)
        contestant = contestant_for(problem, job.row.strategy, self.plan.verifier, self.plan.aggregator)
        salt = f"seed={job.seed}" + (f" strategy={job.row.name}" if self.plan.independent else "")
        mine = replace(setting, experts=job.row.experts)
        conduct = Conduct(problem, contestant, mine, own, seed=job.seed, salt=salt, turn=job.turn)
        outcome = await conduct()
        if self._cut(job, conduct, outcome, setting.engine):
            return
        line = await self._line(job, outcome)
        self.folder.append_trace([{**_who(job), **event.to_json()} for event in conduct.trace])
        self.folder.append_trace([{**_who(job), "kind": "usage", "usage": _usage(outcome.usage)}])
        self.folder.append_result(line.to_json())
        self.done.add(job.key)
        self.tallies[job.row.name].add(line)
        self.tallies[job.row.name].spend(outcome.usage)
        if self.progress is not None:
            self.progress(self.tallies, setting.engine)

    def _cut(self, job: _Job, conduct: Conduct, outcome: Outcome, engine: Engine) -> bool:
        """Whether the problem was ended from outside, and so gets no line: a resumed run takes it up again."""
        if conduct.ended_by == "run":
            self.out_of_budget = outcome.reason
            return True
        if outcome.candidates:
            return False
        lost = {lane.expert.id: lane.breaker.lost for lane in engine.lanes() if lane.breaker.lost is not None}
        if not all(expert.id in lost for expert in job.row.experts):
            return False
        self.gone[job.row.name] = lost[job.row.experts[0].id]
        if all(expert.id in lost for expert in self.plan.experts):
            self.lost = self.gone[job.row.name]
        return True

    async def _line(self, job: _Job, outcome: Outcome) -> ResultLine:
        grade = Grader(job.case)
        graded = [await grade(scored.candidate.answer) for scored in outcome.candidates]
        correct = await grade(outcome.answer)
        return result_line(outcome, job.row.name, job.seed, correct, graded, await _groups(job.case, outcome))

    @contextmanager
    def _interruptible(self, engine: Engine) -> Iterator[None]:
        """Ctrl-C once: what is in flight lands and is kept, nothing more is asked; twice: at once."""
        loop, current = asyncio.get_running_loop(), asyncio.current_task()
        assert current is not None

        def stop() -> None:
            if self.interrupted:
                current.cancel()
                return
            self.interrupted = True
            landing.append(loop.create_task(_land(engine, current)))

        landing: list[asyncio.Task[None]] = []
        try:
            loop.add_signal_handler(signal.SIGINT, stop)
        except (NotImplementedError, RuntimeError):
            # Not the main thread, or no signals here: the caller's KeyboardInterrupt stays what it is.
            yield
            return
        try:
            yield
        except asyncio.CancelledError:
            if not self.interrupted:
                raise
            current.uncancel()
        finally:
            loop.remove_signal_handler(signal.SIGINT)


async def _land(engine: Engine, run: asyncio.Task[object]) -> None:
    await engine.drain()
    run.cancel()


async def _groups(case: Case, outcome: Outcome) -> list[int | None] | None:
    if case.problem.kind != "expression":
        return None
    keys = [scored.candidate.key for scored in outcome.candidates]
    numbers = iter(await answers.classes(case.problem, [key for key in keys if key is not None]))
    return [None if key is None else next(numbers) for key in keys]


def _who(job: _Job) -> dict[str, Json]:
    return {"problem": job.case.problem.id, "strategy": job.row.name, "seed": job.seed}


def _usage(usage: Usage) -> dict[str, Json]:
    from dataclasses import asdict

    return dict(asdict(usage))
