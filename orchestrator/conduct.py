"""One problem from its strategy to its outcome: strategy x verifier x aggregator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .contestant import Contestant
from .engine import Engine
from .errors import BudgetExceeded, ExpertError, OrchestratorError, VerifierError
from .fitting import candidates_of, checked_of, fitted
from .ledger import Scope
from .own_prompts import SHIPPED, PromptSource
from .protocols import Begins, Strategy, Verifier, begins, declares
from .registry import build, verdict_of
from .run import Deadline, Run, Table, earliest, within
from .trace import Trace
from .types import Candidate, Choice, Expert, Outcome, Place, Problem, Scored, StoppedBy
from .written import preferring_passed, verified, written_in

if TYPE_CHECKING:
    from .sandbox import Isolation, Sandbox

AGGREGATION: Place = (2**31,)
"""The aggregator's path: after everything that a strategy can reach."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the problems of one run share."""

    engine: Engine
    experts: tuple[Expert, ...]
    roles: Mapping[str, Expert] = field(default_factory=dict)
    fallbacks: Mapping[str, Expert] = field(default_factory=dict)
    deadline: Deadline | None = None
    """When the seconds of the wallet around all problems are over."""
    sandbox: Sandbox | None = None
    """Where programs are run; whoever made it closes it."""
    prompts: PromptSource = SHIPPED
    prefix_only: bool = False
    """Stop rules look at the longest finished prefix only: results then do not depend on which reply came first."""


class _Stop(Exception):
    """A verifier's check ended the search; internal."""


class Conduct:
    """Runs one problem once."""

    def __init__(
        self,
        problem: Problem,
        contestant: Contestant,
        setting: Setting,
        scope: Scope,
        *,
        seed: int = 0,
        salt: str | None = None,
        turn: int = 0,
    ) -> None:
        self.problem, self.contestant, self.setting, self.scope = problem, contestant, setting, scope
        self._on_scored: Callable[[Scored], None] | None = None
        loop = asyncio.get_running_loop()
        self.trace = Trace(loop.time)
        salt = f"seed={seed}" if salt is None else salt
        self.table = Table(
            setting.engine, self.trace, seed, salt, setting.roles, setting.fallbacks, turn, setting.sandbox,
            setting.prompts,
        )  # fmt: skip
        self.run = Run(self.table, problem, setting.experts, scope, self._emitted, strategy=contestant.name)
        self._ahead = self.run.beside(AGGREGATION)
        """Declares what the aggregator will ask, apart from what the strategy asks of the same experts."""
        self._checks = self.run.beside((*AGGREGATION, 1))
        """Likewise what the verifier will ask."""
        self.ended_by = ""
        """Name of the scope whose budget ended the search, if one did."""
        self._scored: dict[Place, Scored] = {}
        self._pending: set[Place] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._seen: tuple[Scored, ...] | None = None
        self._unverified: list[OrchestratorError] = []
        self._deadline: Deadline | None = None

    def tell(self, on_scored: Callable[[Scored], None]) -> None:
        """Has `on_scored` told of every candidate as its verdict comes."""
        self._on_scored = on_scored

    async def __call__(self) -> Outcome:
        """The outcome, whatever ended the search.

        Raises:
            OrchestratorError: the configuration, the journal or the sandbox is at fault, not an expert or a budget.
        """
        await self.setting.engine.doors.enter()
        groups, leaving = self.setting.engine.groups, self.table.leaving
        leaving.followed = groups.follow(self._kind())
        try:
            return await self._solved()
        finally:
            if leaving.followed is not None:
                groups.habits.end(leaving.followed)
            self.run.end()
            self._ahead.withdraw()
            self._checks.withdraw()
            # So that all of it goes with its last user, not when Python next looks for circles.
            self._tasks = None

    def _kind(self) -> Hashable:
        """Names the problems that ask alike: those that are solved in the same way by the same experts."""
        contestant, setting = self.contestant, self.setting
        parts = tuple(type(part).__name__ for part in (contestant.verifier, contestant.aggregator))
        roles = tuple(sorted((role, expert.id) for role, expert in setting.roles.items()))
        return contestant.name, *parts, self.problem.kind, tuple(expert.id for expert in setting.experts), roles

    async def _solved(self) -> Outcome:
        start = self.trace.clock()
        self._deadline = earliest(Deadline.after(self.scope, start), self.setting.deadline)
        stopped_by, reason = await self._search()
        everything = tuple(self._scored[p] for p in sorted(self._scored))
        scored = self._seen if stopped_by == "verifier" and self._seen is not None else everything
        choice, failure = await self._choose(scored)
        if isinstance(failure, BudgetExceeded) and stopped_by == "done":
            stopped_by, self.ended_by = "budget", failure.scope
        choice, written = await self._own_answer(choice, scored)
        reason = reason or (str(failure) if failure else choice.reason)
        usage = replace(self.table.meter.usage, seconds=self.trace.clock() - start)
        self.trace.add("stop", (), stopped_by=stopped_by, reason=reason, chosen_by=choice.chosen_by)
        chosen = choice.candidate
        return Outcome(
            problem=self.problem.id,
            strategy=self.contestant.name,
            answer=chosen.answer if chosen else None,
            text=chosen.text if chosen else "",
            confidence=choice.confidence,
            chosen_by=choice.chosen_by,
            stopped_by=stopped_by,
            candidates=scored,
            ranking=choice.ranking,
            usage=usage,
            chosen=chosen,
            written=written,
            reason=reason,
            trace=tuple(self.trace),
            isolation=self._isolation(),
        )

    def _isolation(self) -> Isolation | None:
        """How far the programs of this problem were kept apart; `None` where none was run."""
        box = self.table.sandbox
        return None if box is None or not self.table.ran_programs else box.isolation

    # -- the search ---------------------------------------------------------------------

    async def _search(self) -> tuple[StoppedBy, str]:
        stopped_by, reason = await self._attempt()
        if stopped_by != "done":
            return stopped_by, reason
        if self._seen is not None:
            # Whether the rest had ended by then is a matter of timing and must not show.
            return "verifier", ""
        if short := next((e for e in self._unverified if isinstance(e, BudgetExceeded)), None):
            return self._cut_by(short)
        if not self._scored and (lost := self.trace.of("lost")):
            return "failed", str(lost[-1].facts["reason"])
        return "done", reason or next((str(e) for e in self._unverified if isinstance(e, VerifierError)), "")

    async def _attempt(self) -> tuple[StoppedBy, str]:
        try:
            experts, embedder = len(self.setting.experts), "embedder" in self.setting.roles
            self.contestant = fitted(self.contestant, self.problem, self.scope, experts, embedder=embedder)
            self._foretell(candidates_of(self.contestant, self.problem, experts))
            async with within(self._deadline), asyncio.TaskGroup() as self._tasks:
                if begins(aggregator := self.contestant.aggregator):
                    self._tasks.create_task(self._begin(aggregator))
                early = await self._follow(self.contestant.strategy)
                self.run.end()
                self._look()
        except Exception as error:
            found = plain(error)
            if isinstance(found, _Stop):
                return "verifier", ""
            if not isinstance(found, BudgetExceeded):
                raise found from None
            early = found
        if isinstance(early, BudgetExceeded):
            return self._cut_by(early)
        if early is not None:
            return ("done" if self._scored else "failed"), str(early)
        return "done", ""

    def _foretell(self, candidates: int) -> None:
        """Says whom the aggregator and the verifier will ask, where they know it."""
        contestant, checked = self.contestant, checked_of(self.contestant, candidates)
        parts = ((contestant.aggregator, self._ahead, candidates), (contestant.verifier, self._checks, checked))
        for part, run, number in parts:
            if declares(part):
                run.declare(part.declares(self.problem, run, number))

    async def _follow(self, strategy: Strategy) -> BudgetExceeded | ExpertError | None:
        """What ended the strategy early, as a value: what it has emitted is still checked."""
        try:
            await strategy(self.problem, self.run)
        except Exception as error:
            found = plain(error)
            if isinstance(found, BudgetExceeded | ExpertError):
                return found
            raise
        return None

    async def _begin(self, aggregator: Begins) -> None:
        """What the aggregator does beside the strategy; it has another chance when it chooses."""
        try:
            await aggregator.begin(self.problem, self.run.beside((*AGGREGATION, 0)))
        except Exception as error:
            found = plain(error)
            if not isinstance(found, BudgetExceeded | ExpertError | VerifierError):
                raise
            self.trace.add("not begun", AGGREGATION, reason=str(found))

    def _cut_by(self, refusal: BudgetExceeded) -> tuple[StoppedBy, str]:
        self.ended_by = refusal.scope
        return "budget", str(refusal)

    def _emitted(self, candidate: Candidate) -> None:
        self._scored[candidate.place] = Scored(candidate)
        if self.contestant.verifier is None:
            self._tell(self._scored[candidate.place])
        elif self._tasks is not None:
            self._check(self._tasks, self._verify(self.contestant.verifier, candidate), candidate.place)

    def _check(self, tasks: asyncio.TaskGroup, verifying: Coroutine[None, None, None], place: Place) -> None:
        """Has a candidate verified, unless the search is over: deep branches may still emit on their way out."""
        try:
            tasks.create_task(verifying)
        except RuntimeError:
            # Of a group that takes no more tasks.
            verifying.close()
        else:
            self._pending.add(place)

    async def _verify(self, verifier: Verifier, candidate: Candidate) -> None:
        run = self.run.beside((*candidate.place, 0), self._checks)
        try:
            with self.setting.engine.batches.checking():
                verdict = await verdict_of(verifier, self.problem, candidate, run)
        except (ExpertError, BudgetExceeded, VerifierError) as error:
            self._unverified.append(error)
            self.trace.add("unverified", candidate.place, reason=str(error))
        else:
            self._scored[candidate.place] = Scored(candidate, verdict)
            facts: dict[str, bool] = {"cooperative": True} if verdict.cooperative else {}
            self.trace.add("verdict", candidate.place, score=verdict.score, passed=verdict.passed, **facts)
        self._pending.discard(candidate.place)
        self._tell(self._scored[candidate.place])
        self._look()

    def _tell(self, scored: Scored) -> None:
        if self._on_scored is not None:
            self._on_scored(scored)

    def _look(self) -> None:
        """Ends the search once a candidate has passed and, in a benchmark, nothing before it is open."""
        passed = [place for place, scored in self._scored.items() if scored.passed]
        if not passed:
            return
        first = min(passed)
        if self.setting.prefix_only:
            frontier = self.run.frontier()
            if (frontier is not None and frontier <= first) or any(place < first for place in self._pending):
                return
            self._seen = tuple(self._scored[p] for p in sorted(self._scored) if p <= first)
        if self.run.frontier() is not None or self._pending:
            self.table.leaving.grace = True  # known before the first of the calls that are out is cancelled
            raise _Stop

    async def _choose(self, scored: Sequence[Scored]) -> tuple[Choice, OrchestratorError | None]:
        """The aggregator's choice, or a plain vote and why the aggregator could not choose."""
        if not scored:
            return Choice(None, 0.0, "none"), None
        run = self.run.beside(AGGREGATION, self._ahead)
        try:
            async with within(self._time_left()):
                return await self.contestant.aggregator(self.problem, scored, run), None
        except (BudgetExceeded, ExpertError, VerifierError) as error:
            self.trace.add("unaggregated", AGGREGATION, reason=str(error))
            return await build("aggregators", "majority")(self.problem, scored, run), error

    def _time_left(self) -> Deadline | None:
        """Past the deadline the scope admits no call, but what needs none may still choose."""
        return None if self._deadline and self._deadline.passed else self._deadline

    async def _own_answer(self, choice: Choice, scored: Sequence[Scored]) -> tuple[Choice, Scored | None]:
        """What the aggregator wrote itself, if it did, is checked like a candidate; one that passed goes before it."""
        written, verifier = written_in(choice, scored), self.contestant.verifier
        if written is None or verifier is None:
            return choice, written
        run = self.run.beside((*written.candidate.place, 0), self._checks)
        written = await verified(written, verifier, run, self._time_left())
        return await preferring_passed(choice, written, scored, run), written


def plain(error: BaseException) -> BaseException:
    """The error of ours inside a group, so that callers can catch it by its name."""
    found = error
    while isinstance(found, BaseExceptionGroup):
        ours = [e for e in found.exceptions if isinstance(e, OrchestratorError | BaseExceptionGroup | _Stop)]
        found = (ours or list(found.exceptions))[0]
    return found
