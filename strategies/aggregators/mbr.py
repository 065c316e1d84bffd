"""The answer that is most like all the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, ClassVar, get_args

from orchestrator.errors import BudgetExceeded, ExpertError
from orchestrator.protocols import Aggregator, EstimatesOver
from orchestrator.registry import Spec, build
from orchestrator.run import TEXTS_A_CALL
from orchestrator.types import Candidate, Choice, Estimate, Problem, Scored

from .._overlap import Utility, mean_cosines, mean_overlaps, said
from ._votes import NOTHING, Class, classes_of, elected, standing

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class MinimumBayesRisk:
    """Chooses the answer that has most in common with all others: minimum Bayes risk (Suzgun et al., 2022).

    It is the one of greatest mean utility. The utility of two answers goes from 0 to 1:

    - `exact`: 1 for equal answers, so that this is a plurality vote;
    - `f1`: the words that they have in common (token F1);
    - `embedding`: the cosine of their vectors, which the role `embedder` gives; where they do not come, as `f1`;
    - `execution`: the share of inputs on which two programs do the same (Shi et al., 2022), with the inputs and runs of
      `execution_clusters`;
    - `plain`: `f1` for free text, else `exact`, neither of which takes a call;
    - `auto`: `execution` for programs, `embedding` for free text where the role `embedder` is given, else as `plain`.

    Candidates without an answer do not take part, nor do those that failed a check while others did not. A tie goes to
    the earliest in lineage order. Confidence is the winner's mean utility, itself included, which for equal answers is
    its share of the votes.

    Raises:
        ValueError: a field is out of its range.
    """

    utility: Utility = "auto"
    """What makes two answers alike."""
    samples: int = 10
    """execution: replies that inputs are taken from; as in `codet`, so that both ask for the same."""

    needs: ClassVar[str] = "for `embedding` the role `embedder`; for `execution` problems that ask for a function"

    def __post_init__(self) -> None:
        if self.utility not in get_args(Utility):
            raise ValueError(f"utility is one of {', '.join(get_args(Utility))}")
        if self.samples < 1:
            raise ValueError("samples counts from 1")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        utility = self._utility(problem, embedder=run.embedder is not None)
        if utility == "execution":
            return await self._by_execution()(problem, scored, run)
        voters = standing(scored)
        classes = await classes_of(problem, voters)
        if utility == "exact" or len(voters) < 2:
            return elected(classes, [len(members) for members in classes], "vote")
        texts = [said(one.candidate) for one in voters]
        means, reason = await (_by_vectors(texts, run) if utility == "embedding" else _by_words(texts))
        return _likest(classes, {one.candidate.id: mean for one, mean in zip(voters, means, strict=True)}, reason)

    def _utility(self, problem: Problem, *, embedder: bool) -> Utility:
        if self.utility == "auto" and problem.kind == "code":
            return "execution"
        if self.utility == "auto" and problem.kind == "text" and embedder:
            return "embedding"
        if self.utility in ("auto", "plain"):
            return "f1" if problem.kind == "text" else "exact"
        return self.utility

    def _by_execution(self) -> Aggregator:
        return build("aggregators", Spec("execution_clusters", {"rule": "mbr", "samples": self.samples}))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on two candidates or more."""
        return self.estimate_over(problem, experts, 2)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """Calls of `execution`; those to an embedder are `embeddings`, as there may be none."""
        comparing = self._by_execution() if self._utility(problem, embedder=False) == "execution" else None
        if isinstance(comparing, EstimatesOver):
            return comparing.estimate_over(problem, experts, candidates)
        return Estimate(0, 0.0, 0, 0)

    def embeddings(self, problem: Problem, candidates: int) -> Estimate:
        """A call for every 32 candidates, of two at least; fewer of long ones go into a call."""
        asks = self._utility(problem, embedder=True) == "embedding" and candidates > 1
        calls = ceil(candidates / TEXTS_A_CALL) if asks else 0
        return Estimate(0, float(calls), calls, int(asks))


async def _by_words(texts: Sequence[str], reason: str = "") -> tuple[list[float], str]:
    return await mean_overlaps(texts), reason


async def _by_vectors(texts: Sequence[str], run: Run) -> tuple[list[float], str]:
    """The mean cosines; where the vectors do not come, the mean overlaps and why."""
    try:
        return await mean_cosines(texts, run), ""
    except (BudgetExceeded, ExpertError) as error:
        return await _by_words(texts, f"compared by words, as there are no vectors: {error}")


def _likest(classes: Sequence[Class], means: Mapping[str, float], reason: str) -> Choice:
    """The candidate of the greatest mean; one of each answer in the ranking."""
    best = [max((one.candidate for one in members), key=lambda each: means[each.id]) for members in classes]
    ranking: tuple[Candidate, ...] = tuple(sorted(best, key=lambda each: -means[each.id]))
    return Choice(ranking[0], means[ranking[0].id], "weight", ranking, reason) if ranking else NOTHING
