"""Universal self-consistency: samples, and a model that picks the most consistent one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from orchestrator.registry import strategy
from orchestrator.types import Estimate, Problem, Sampling

from ._samples import sampled

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class UniversalSelfConsistency:
    """Samples several answers and has a model pick the one most consistent with the others (X. Chen et al., 2023).

    1. Samples: several replies to one prompt that asks for the reasoning before the answer.
    2. Selection: one more reply, which sees all of them in random order and without their authors, and names the one
       that agrees best with the rest.

    Self-consistency for answers that cannot be counted: free text, and programs. With more than eight samples the
    selection is a tree of groups, as one reply tells fewer apart than it is shown.
    """

    samples: int = 8
    """Replies."""
    temperature: float | None = 0.7
    """For the samples; `None`: the provider's default. The paper has 0.6 for one model and 1.0 for another."""
    max_tokens: int | None = None
    """Cap on each sample; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "universal_sc"
    verifier: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError("samples counts from 1")

    async def __call__(self, problem: Problem, run: Run) -> None:
        await sampled(run, self.samples, Sampling(self.temperature, max_tokens=self.max_tokens))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(self.samples, float(self.samples), self.samples, 1)

    def fit(self, calls: int, problem: Problem, experts: int) -> UniversalSelfConsistency | None:
        """The ladder: fewer samples, down to one, which is the answer without any selection."""
        return replace(self, samples=min(calls, self.samples)) if calls >= 1 else None
