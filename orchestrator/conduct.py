"""One problem from its strategy to its outcome: strategy x verifier x aggregator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .engine import Engine
from .errors import BudgetExceeded, ExpertError, OrchestratorError
from .ledger import Scope
from .protocols import Aggregator, Estimates, Fits, Strategy, Verifier
from .run import Run, Table, within
from .trace import Trace
from .types import Candidate, Choice, Expert, Outcome, Place, Problem, Scored, StoppedBy

AGGREGATION: Place = (2**31,)
"""The aggregator's path: after everything that a strategy can reach."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """How a problem is solved."""

    name: str
    """The strategy's spec, as results show it."""
    strategy: Strategy
    verifier: Verifier | None
    aggregator: Aggregator


@dataclass(frozen=True, slots=True)
class Setting:
    """What the problems of one run share."""

    engine: Engine
    experts: tuple[Expert, ...]
    roles: Mapping[str, Expert] = field(default_factory=dict)
    fallbacks: Mapping[str, Expert] = field(default_factory=dict)
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
        self.table = Table(setting.engine, self.trace, seed, salt, setting.roles, setting.fallbacks, turn)
        self.run = Run(self.table, problem, setting.experts, scope, self._emitted, strategy=contestant.name)
        self.ended_by = ""
        """Name of the scope whose budget ended the search, if one did."""
        self._scored: dict[Place, Scored] = {}
        self._pending: set[Place] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._seen: tuple[Scored, ...] | None = None

    def tell(self, on_scored: Callable[[Scored], None]) -> None:
        """Has `on_scored` told of every candidate as its verdict comes."""
        self._on_scored = on_scored

    async def __call__(self) -> Outcome:
        """The outcome, whatever ended the search.

        Raises:
            OrchestratorError: the configuration, the journal or a verifier is at fault, not an expert or a budget.
        """
        start = self.trace.clock()
        stopped_by, reason = await self._search()
        scored = self._seen if self._seen is not None else tuple(self._scored[p] for p in sorted(self._scored))
        choice = await self._choose(scored)
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
            reason=reason,
        )

    # -- the search ---------------------------------------------------------------------

    async def _search(self) -> tuple[StoppedBy, str]:
        stopped_by, reason = await self._attempt()
        if stopped_by == "done" and self._seen is not None:
            # Whether the rest had ended by then is a matter of timing and must not show.
            return "verifier", ""
        if stopped_by == "done" and not self._scored and (lost := self.trace.of("lost")):
            return "failed", str(lost[-1].facts["reason"])
        return stopped_by, reason

    async def _attempt(self) -> tuple[StoppedBy, str]:
        try:
            strategy = fitted(self.contestant, self.problem, self.scope, len(self.setting.experts))
            async with within(self.scope), asyncio.TaskGroup() as self._tasks:
                await strategy(self.problem, self.run)
                self.run.end()
                self._look()
        except Exception as error:
            found = plain(error)
            if isinstance(found, _Stop):
                self.table.leaving.grace = True
                return "verifier", ""
            if isinstance(found, BudgetExceeded):
                self.ended_by = found.scope
                return "budget", str(found)
            if isinstance(found, ExpertError):
                return ("done" if self._scored else "failed"), str(found)
            raise found from None
        return "done", ""

    def _emitted(self, candidate: Candidate) -> None:
        self._scored[candidate.place] = Scored(candidate)
        if self.contestant.verifier is None:
            self._tell(self._scored[candidate.place])
        elif self._tasks is not None:
            self._pending.add(candidate.place)
            self._tasks.create_task(self._verify(self.contestant.verifier, candidate))

    async def _verify(self, verifier: Verifier, candidate: Candidate) -> None:
        run = self.run.beside((*candidate.place, 0))
        try:
            verdict = await verifier(self.problem, candidate, run)
        except ExpertError as error:
            self.trace.add("unverified", candidate.place, reason=str(error))
        else:
            self._scored[candidate.place] = Scored(candidate, verdict)
            self.trace.add("verdict", candidate.place, score=verdict.score, passed=verdict.passed)
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
            raise _Stop

    async def _choose(self, scored: Sequence[Scored]) -> Choice:
        if not scored:
            return Choice(None, 0.0, "none")
        return await self.contestant.aggregator(self.problem, scored, self.run.beside(AGGREGATION))


def fitted(contestant: Contestant, problem: Problem, scope: Scope, experts: int) -> Strategy:
    """The largest form of the strategy whose calls, with its verifier's and aggregator's, the caps cover.

    Raises:
        BudgetExceeded: not even its smallest form fits.
    """
    strategy, calls = contestant.strategy, _calls_left(scope)
    if calls is None or not isinstance(strategy, Estimates):
        return strategy
    beside: tuple[object, ...] = (contestant.verifier, contestant.aggregator)
    other = sum(part.estimate(problem, experts).most for part in beside if isinstance(part, Estimates))
    estimate = strategy.estimate(problem, experts)
    if estimate.most + other <= calls or not isinstance(strategy, Fits):
        return strategy
    smaller: Strategy | None = strategy.fit(calls - other, problem, experts)
    if smaller is None:
        raise BudgetExceeded(scope.name, "calls", calls, 1 + other)
    return smaller


def _calls_left(scope: Scope) -> int | None:
    """Calls left of the problem's own scope; caps around it are shared and say nothing about one problem."""
    return scope.left().calls


def plain(error: BaseException) -> BaseException:
    """The error of ours inside a group, so that callers can catch it by its name."""
    found = error
    while isinstance(found, BaseExceptionGroup):
        ours = [e for e in found.exceptions if isinstance(e, OrchestratorError | BaseExceptionGroup | _Stop)]
        found = (ours or list(found.exceptions))[0]
    return found
