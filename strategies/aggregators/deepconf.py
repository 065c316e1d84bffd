"""Voting by how sure each trace was of its tokens."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.types import Candidate, Choice, Estimate, Problem, Scored

from .._confidence import MEASURES, WINDOW, Measure, trace_score, weights_of
from ._votes import classes_of, elected, in_lineage, standing

if TYPE_CHECKING:
    from orchestrator.run import Run

_QUICK = 50_000
"""Tokens in all that are measured in less than a few milliseconds."""


@dataclass(frozen=True, slots=True)
class DeepConf:
    """Has answers weigh as much as the traces that lead to them were sure of their tokens (Fu et al., 2025).

    1. Scores: of each trace, by `measure`, from the log-probabilities of its tokens' likeliest alternatives.
    2. Filter: the share `keep` of the traces stays, the surest; the others do not vote.
    3. Vote: the sum of the scores for each answer. A trace without an answer does not vote.

    With `warm_up` the bar is what keeps that share of the first traces alone, whether they have an answer or not, and
    whoever does not reach it does not vote: the rule of the paper's online form. Every expert's scores are divided by
    their mean, as those of different models do not compare; a trace without log-probabilities weighs 1, as the average
    one does. Where no trace has any, this is a plain vote, and is called one: nothing that a model states about itself
    stands in for them. Ties and the text are as in `majority`.

    Raises:
        ValueError: a field is out of its range.
    """

    measure: Measure = "tail"
    """`mean` of all tokens, the `lowest` group, the `bottom` tenth of the groups, or the `tail`: the last group."""
    keep: float = 0.9
    """Share of the traces that vote. The paper's "low" keeps 0.1, its "high" 0.9."""
    window: int = WINDOW
    """Tokens of a group."""
    warm_up: int | None = None
    """Traces that set the bar; `None`: all that have an answer."""

    needs: ClassVar[str] = "an expert that tells the log-probabilities of its tokens; without them it is a plain vote"

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(f"measure is one of {', '.join(MEASURES)}")
        if not 0 < self.keep <= 1:
            raise ValueError("keep is a share above 0, and 1 at the most")
        if self.window < 1 or (self.warm_up is not None and self.warm_up < 1):
            raise ValueError("window and warm_up count from 1")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        voters = standing(scored)
        traces = [one.candidate for one in (voters if self.warm_up is None else in_lineage(scored))]
        scores = await self.scores(traces)
        if all(score is None for score in scores):
            run.note("plain vote", why="no trace has log-probabilities")
            classes = await classes_of(problem, voters)
            return elected(classes, [len(members) for members in classes], "vote")
        found = weights_of(scores, [trace.expert for trace in traces], self.keep, self.warm_up)
        weights = {trace.id: weight for trace, weight in zip(traces, found, strict=True) if weight is not None}
        kept = {one.candidate.id for one in voters if one.candidate.id in weights}
        run.note("filter", traces=len(voters), kept=len(kept), unscored=scores.count(None))
        if not kept:
            weights = dict.fromkeys((one.candidate.id for one in voters), 1.0)
        classes = await classes_of(problem, voters)
        sums = [math.fsum(weights.get(one.candidate.id, 0.0) for one in members) for members in classes]
        # The text of an answer is that of a trace that votes for it, where one does.
        voting = [tuple(one for one in members if one.candidate.id in weights) or members for members in classes]
        return elected(voting, sums, "weight" if kept else "vote")

    async def scores(self, traces: Sequence[Candidate]) -> list[float | None]:
        """How sure each trace is; `None` for one without log-probabilities."""

        def measured() -> list[float | None]:
            return [
                trace_score(trace.confidences, self.measure, self.window) if trace.confidences else None
                for trace in traces
            ]

        tokens = sum(len(trace.confidences) for trace in traces)
        return measured() if tokens < _QUICK else await asyncio.to_thread(measured)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)
