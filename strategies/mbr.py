"""Minimum Bayes risk: samples, and the one that has most in common with all others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, get_args

from orchestrator.registry import Spec, strategy
from orchestrator.types import Estimate, Problem, Sampling

from ._overlap import Utility
from ._samples import sampled

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class SamplesOfLeastRisk:
    """Samples several answers and chooses the one that has most in common with all others (Suzgun et al., 2022).

    1. Samples: several replies to one prompt that asks for the reasoning before the answer.
    2. Utility: how alike any two of them are. Equal answers count 1; free text is compared by its words, or by its
       vectors where the role `embedder` is given; programs by what they return on the same inputs (Shi et al., 2022).
    3. Choice: the sample of greatest mean utility, of equals the earliest.
    """

    samples: int = 10
    """Replies."""
    utility: Utility = "auto"
    """What makes two answers alike; see the aggregator `mbr`."""
    temperature: float | None = 0.7
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each sample; 2048 where nobody sets one."""

    verifier: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError("samples counts from 1")
        if self.utility not in get_args(Utility):
            raise ValueError(f"utility is one of {', '.join(get_args(Utility))}")

    @property
    def aggregator(self) -> str:
        """The comparison."""
        return str(Spec("mbr", {} if self.utility == "auto" else {"utility": self.utility}))

    async def __call__(self, problem: Problem, run: Run) -> None:
        await sampled(run, self.samples, Sampling(self.temperature, max_tokens=self.max_tokens))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(self.samples, float(self.samples), self.samples, 1)

    def fit(self, calls: int, problem: Problem, experts: int) -> SamplesOfLeastRisk | None:
        """The ladder: fewer samples, down to one."""
        return replace(self, samples=min(calls, self.samples)) if calls >= 1 else None
