"""A strategy inside another that wants one answer of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded, ExpertError, VerifierError
from orchestrator.protocols import Aggregator, Estimates, EstimatesOver, Fits, Strategy, Verifier
from orchestrator.registry import build, checker_of, verdict_of
from orchestrator.types import Candidate, Choice, Estimate, Problem, Scored

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Inner:
    """A strategy that is asked for one answer: the one that its own verifier and aggregator choose."""

    strategy: Strategy

    async def answer(self, run: Run, *, budget: Budget | None = None, draw: int | None = None) -> Candidate | None:
        """The answer on the problem of `run`; `None` where it finds none.

        Args:
            draw: as for `run.collect`.

        Raises:
            ExpertError: nothing was found, as experts failed.
        """
        found = await run.collect(self.strategy, budget=budget, draw=draw)
        chosen = found[0] if len(found) == 1 else await self._choice(found, run) if found else None
        return None if chosen is None else _traced_back(chosen, found)

    async def _choice(self, found: Sequence[Candidate], run: Run) -> Candidate | None:
        check = self._verifier(run.problem)
        scored = [Scored(each) for each in found]
        if check is not None:
            checked = await run.map(lambda each, branch: _checked(check, each, branch), found)
            scored = [one or Scored(each) for one, each in zip(checked, found, strict=True)]
        (choice,) = await run.map(lambda aggregator, branch: _chosen(aggregator, scored, branch), [self._aggregator()])
        if choice is None:
            choice = await build("aggregators", "majority")(run.problem, scored, run)
        return choice.candidate

    def estimate(self, problem: Problem, experts: int = 1) -> Estimate | None:
        """Calls of the strategy, its verifier and its aggregator; `None` where it cannot tell."""
        if not isinstance(self.strategy, Estimates):
            return None
        estimate = self.strategy.estimate(problem, experts)
        candidates = estimate.most if estimate.candidates is None else estimate.candidates
        parts: tuple[object, ...] = (self._verifier(problem), self._aggregator())
        for part in parts if candidates > 1 else ():
            if isinstance(part, EstimatesOver):
                estimate += part.estimate_over(problem, experts, candidates)
            elif isinstance(part, Estimates):
                estimate += part.estimate(problem, experts)
        return estimate

    def fit(self, calls: int, problem: Problem, experts: int = 1) -> Inner | None:
        """The largest form that needs at most `calls` calls; `None` where there is none."""
        whole, strategy = self.estimate(problem, experts), self.strategy
        if whole is None or whole.most <= calls:
            return self
        if not isinstance(strategy, Fits):
            return None
        for rung in range(calls, 0, -1):
            form = strategy.fit(rung, problem, experts)
            if form is None:
                return None
            smaller = replace(self, strategy=form)
            told = smaller.estimate(problem, experts)
            if told is not None and told.most <= calls:
                return smaller
        return None

    def _aggregator(self) -> Aggregator:
        return build("aggregators", getattr(self.strategy, "aggregator", "majority"))

    def _verifier(self, problem: Problem) -> Verifier | None:
        wanted = getattr(self.strategy, "verifier", "auto")
        if wanted == "auto":
            wanted = checker_of(problem) or "none"
        return None if wanted == "none" else build("verifiers", wanted)


def _traced_back(chosen: Candidate, found: Sequence[Candidate]) -> Candidate:
    """With replies for parents in the place of candidates, as those are known to nobody else."""
    sources = {each.id: each.parents for each in found}

    def replies(parents: Sequence[str]) -> Iterator[str]:
        for parent in parents:
            yield from replies(sources[parent]) if parent in sources else (parent,)

    return replace(chosen, parents=tuple(dict.fromkeys(replies(chosen.parents))))


async def _checked(check: Verifier, candidate: Candidate, run: Run) -> Scored:
    try:
        return Scored(candidate, await verdict_of(check, run.problem, candidate, run))
    except (BudgetExceeded, VerifierError) as error:
        run.note("unverified", reason=str(error))
        return Scored(candidate)


async def _chosen(aggregator: Aggregator, scored: Sequence[Scored], run: Run) -> Choice | None:
    try:
        return await aggregator(run.problem, scored, run)
    except (BudgetExceeded, ExpertError, VerifierError) as error:
        run.note("unaggregated", reason=str(error))
        return None
