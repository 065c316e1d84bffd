"""The run: all that a strategy needs, with candidates to put forward and branches to work in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from orchestrator.budget import Budget
from orchestrator.engine import Declared
from orchestrator.errors import BudgetExceeded, ConfigError, ExpertError, Stopped
from orchestrator.ledger import Claim, Scope, check_prices
from orchestrator.protocols import Strategy
from orchestrator.types import Answer, Candidate, Completion, Expert, Place, Problem, Reply

from .candidates import candidate_of
from .deadline import Deadline, within
from .failures import first, plain
from .line import Line
from .shared import Shared
from .table import Table

Item = TypeVar("Item")
Result = TypeVar("Result")


class Run(Line):
    """One path through a problem; `map`, `delegate` and `collect` make child runs with paths of their own."""

    def __init__(
        self,
        table: Table,
        problem: Problem,
        experts: Sequence[Expert],
        scope: Scope,
        emit: Callable[[Candidate], None],
        *,
        strategy: str = "",
        path: Place = (),
        expert: Expert | None = None,
        stage: int = 0,
        salt: str | None = None,
        claimed: Claim | None = None,
        declared: Declared | None = None,
    ) -> None:
        super().__init__(
            table, problem, experts, scope, path=path, expert=expert, stage=stage, salt=salt, claimed=claimed,
            declared=declared,
        )  # fmt: skip
        self.strategy, self._send = strategy, emit
        self._own_claim: Claim | None = None
        self._own_declared: list[Declared] = []
        self._counter = 0
        self._branches: list[Run] = []
        self._held = False
        """Whether its candidates are kept back by `collect`, which may put them forward at its end."""
        self._done = False

    # -- putting forward ----------------------------------------------------------------

    def emit(
        self,
        answer: Answer,
        parents: Sequence[Completion | Candidate | Reply | str] = (),
        *,
        plan: Completion | Reply | None = None,
    ) -> Candidate:
        """Puts a candidate forward; from then on it is safe, whatever ends the run.

        Args:
            parents: what it was made from.
            plan: of these the plan that it was written by, where it was: those of one plan are of one mind.
        """
        candidate = self.candidate(answer, parents, plan=plan)
        self._table.trace.add("emit", candidate.place, answer=answer.key is not None, parents=list(candidate.parents))
        self._send(candidate)
        return candidate

    def candidate(
        self,
        answer: Answer,
        parents: Sequence[Completion | Candidate | Reply | str] = (),
        *,
        plan: Completion | Reply | None = None,
    ) -> Candidate:
        """A candidate that is not put forward: for aggregators, which may write an answer of their own."""
        place = (*self.path, self._next())
        return candidate_of(answer, parents, place, self.problem.id, self.strategy, self.expert.id, plan)

    # -- branching ----------------------------------------------------------------------

    async def map(
        self,
        fn: Callable[[Item, Run], Awaitable[Result]],
        items: Sequence[Item],
        *,
        missing: Result | None = None,
        cost: int = 1,
        draws: bool = False,
        start: int = 0,
    ) -> list[Result | None]:
        """Calls `fn(item, branch)` for all items at once; results in order, `missing` for a branch that failed.

        Args:
            missing: stands in the place of a branch that an `ExpertError` ended.
            cost: calls that a branch makes until its candidate is finished, those of later maps included. Under a
                finite cap a branch that makes more than one starts only when the cap covers them.
            draws: branch i's requests are salted with i, so that equal prompts are independent samples.
            start: number of the first branch in the deal of experts: branch i goes to expert i mod E.

        Raises:
            BudgetExceeded: the first in branch order, once every sibling has ended.
            Stopped: likewise.
        """
        m = self._next()
        branches = [self._branch((*self.path, m, i), start + i, i if draws else None) for i in range(len(items))]
        self._branches = branches
        refused: dict[int, BudgetExceeded | Stopped] = {}
        results: list[Result | None] = [missing] * len(items)

        async def follow(i: int) -> None:
            try:
                results[i] = await fn(items[i], branches[i])
                branches[i].end(followed=True)
            except Exception as error:
                match plain(error):
                    case ExpertError() as lost:
                        self._table.trace.add("branch lost", branches[i].path, error=type(lost).__name__)
                    case BudgetExceeded() | Stopped() as refusal:
                        refused[i] = refusal
                    case _:
                        raise
            finally:
                branches[i].end()

        try:
            async with asyncio.TaskGroup() as group:
                for i, branch in enumerate(branches):
                    try:
                        await branch.claim(cost)
                    except BudgetExceeded as error:
                        refused[i] = error
                        break
                    group.create_task(follow(i))
        finally:
            # Also those that were cancelled before their first step, which never get to their own `finally`.
            for branch in branches:
                branch.end()
        self._stage = max([self._stage, *(branch.stage for branch in branches)])
        if refused:
            raise first([refused[i] for i in sorted(refused)])
        return results

    def _branch(self, path: Place, deal: int, draw: int | None) -> Run:
        expert = self._expert or self.experts[deal % len(self.experts)]
        salt = self._salt if draw is None else f"{self._salt}/{draw}"
        return Run(
            self._table, self.problem, self.experts, self.scope, self._send, strategy=self.strategy, path=path,
            expert=expert, stage=self._stage, salt=salt, claimed=self._claim, declared=self._declared,
        )  # fmt: skip

    async def claim(self, calls: int) -> None:
        """Waits until the caps cover the calls that this branch will make; what an outer branch covers, it covers.

        Raises:
            BudgetExceeded: nothing under way could make room.
        """
        if calls <= 1:
            return
        outer = self._claim
        chain = tuple(s for s in self.scope.chain if s.capped and not (outer is not None and outer.spans(s)))
        if not chain:
            return
        priority = (self._table.turn, -self._stage)
        self._claim = self._own_claim = await self._table.forecast.start(chain, calls, priority, outer)

    def end(self, followed: bool = False) -> None:
        """Nothing more will come from this run; `followed` if it came to its end by itself."""
        self._done = True
        self._send, self._branches = _nobody, []
        if self._own_claim is not None:
            self._table.forecast.end(self._own_claim, followed)
            self._own_claim = None
        self.withdraw()

    def declare(self, calls: Mapping[str, int]) -> None:
        """Says which calls this branch will make, by expert id, on top of what was said before.

        Where models are loaded one after the other this orders the loads: a model that more calls will come for is
        loaded when they are there. It asks nobody, costs nothing, and nothing waits for it. What has not been asked
        when the branch ends is forgotten.
        """
        due = {expert: number for expert, number in calls.items() if number > 0}
        if due:
            self._declared = self._table.engine.groups.coming.declare(due, self._declared, self._table.leaving)
            self._own_declared.append(self._declared)

    def withdraw(self) -> None:
        """Takes back what was declared here and has not been asked."""
        for declared in self._own_declared:
            declared.end()
        self._own_declared.clear()

    async def delegate(
        self,
        strategy: Strategy,
        problem: Problem | None = None,
        *,
        expert: Expert | None = None,
        budget: Budget | None = None,
        draw: int | None = None,
    ) -> None:
        """Runs another strategy in a child scope; its candidates pass through, its own budget ends only itself."""
        await self._child(strategy, problem, expert, budget, draw, self._send)

    async def collect(
        self,
        strategy: Strategy,
        problem: Problem | None = None,
        *,
        expert: Expert | None = None,
        budget: Budget | None = None,
        draw: int | None = None,
    ) -> list[Candidate]:
        """The same, but the candidates come back as a list, in lineage order.

        When a budget around it ends they are emitted instead, as nobody is left to work on them. An expert's failure
        is raised only if nothing was found before it.
        """
        found: list[Candidate] = []
        try:
            await self._child(strategy, problem, expert, budget, draw, found.append)
        except (BudgetExceeded, asyncio.CancelledError) as error:
            # Seconds that are over arrive as a cancellation.
            if isinstance(error, BudgetExceeded) or any(scope.over for scope in self.scope.chain):
                for candidate in found:
                    self._send(candidate)
            raise
        except ExpertError as error:
            if not found:
                raise
            self._table.trace.add("branch lost", self.path, error=type(error).__name__)
        return sorted(found, key=lambda candidate: candidate.place)

    async def _child(
        self,
        strategy: Strategy,
        problem: Problem | None,
        expert: Expert | None,
        budget: Budget | None,
        draw: int | None,
        send: Callable[[Candidate], None],
    ) -> None:
        path = (*self.path, self._next())
        scope = self.scope
        if budget is not None and budget.finite:
            scope = Scope(f"{scope.name}/{'.'.join(map(str, path))}", budget, scope)
            scope.spent = self._table.engine.journal.losses.of(scope.name)
        # A strategy numbers its samples by the experts that it is dealt: in a branch that is the branch's alone.
        chosen = expert or self._expert
        experts = self.experts if chosen is None else (chosen,)
        check_prices(budget or Budget(), experts)
        salt = self._salt if draw is None else f"{self._salt}/{draw}"
        # Equal texts may be read as different answers to different problems.
        table = self._table if problem in (None, self.problem) else replace(self._table, readings={}, shared=Shared())
        child = Run(
            table, problem or self.problem, experts, scope, send, strategy=self.strategy, path=path,
            expert=chosen, stage=self._stage, salt=salt, claimed=self._claim, declared=self._declared,
        )  # fmt: skip
        child._held = send is not self._send
        self._branches = [child]
        start = asyncio.get_running_loop().time()
        try:
            async with within(Deadline.after(scope, start) if scope is not self.scope else None):
                await strategy(child.problem, child)
        except Exception as error:
            found = plain(error)
            if scope is self.scope or not isinstance(found, BudgetExceeded) or found.scope != scope.name:
                raise found from (None if found is not error else error.__cause__)
            self._table.trace.add("budget", path, reason=str(found))
        finally:
            child.end()
            self._stage = max(self._stage, child.stage)

    def beside(self, place: Place, ahead: Run | None = None) -> Run:
        """A run for a verifier or an aggregator, with a path that no branch has; `ahead` declared its calls."""
        declared = self._declared if ahead is None else ahead._declared
        return Run(
            self._table, self.problem, self.experts, self.scope, self._refuse_emission, strategy=self.strategy,
            path=place, expert=self._expert, stage=self._stage, claimed=self._claim, declared=declared,
        )  # fmt: skip

    def _refuse_emission(self, candidate: Candidate) -> None:
        raise ConfigError("a verifier or aggregator must not emit candidates")

    # -- lineage ------------------------------------------------------------------------

    def frontier(self) -> Place | None:
        """The earliest place at which something may still be emitted; `None` when all is over."""
        if self._done:
            return None
        if self._held:
            return (*self.path, 0)
        for branch in self._branches:
            if (place := branch.frontier()) is not None:
                return place
        return (*self.path, self._counter)

    def _next(self) -> int:
        """The number of the next step. A run takes one at a time: else numbers would tell which reply came first."""
        if self._done:
            raise ConfigError(f"strategy {self.strategy}: a branch that has ended cannot emit or branch any more")
        if not all(branch._done for branch in self._branches):
            raise ConfigError(
                f"strategy {self.strategy}: emits or branches on a run whose branches are under way; "
                "in a function for map use the branch that it is called with"
            )
        self._counter += 1
        self._branches = []
        return self._counter - 1


def _nobody(candidate: Candidate) -> None:
    """Hears what a run puts forward after its end, which is nothing; whoever heard before is let go of."""
