"""Synthesis: several samples, and one answer written out of all of them."""

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
class Synthesis:
    """Samples several answers and has a model write one out of them (J. Wang et al., 2024).

    1. Samples: several replies to one prompt that asks for the reasoning before the answer.
    2. Synthesis: one more reply, whose writer sees all of them in random order and without their authors, weighs them
       and writes an answer of its own; where it cannot be read, the samples vote.

    Mixture-of-Agents without its middle layers, and with one expert the plain form of Self-MoA (Li W. et al., 2025).
    """

    samples: int | None = None
    """Answers to write from; `None`: 5 of one expert, one of each of several."""
    temperature: float | None = 0.7
    """For the samples; `None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each sample; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "synthesis"
    verifier: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if self.samples is not None and self.samples < 1:
            raise ValueError("samples counts from 1")

    async def __call__(self, problem: Problem, run: Run) -> None:
        await sampled(run, self._most(len(run.experts)), Sampling(self.temperature, max_tokens=self.max_tokens))

    def _most(self, experts: int) -> int:
        return self.samples or (experts if experts > 1 else 5)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        most = self._most(experts)
        return Estimate(most, float(most), most, 1)

    def fit(self, calls: int, problem: Problem, experts: int) -> Synthesis | None:
        """The ladder: fewer samples, down to one, which is the answer as it stands."""
        return replace(self, samples=min(calls, self._most(experts))) if calls >= 1 else None
