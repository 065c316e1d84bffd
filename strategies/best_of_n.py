"""Best of n: samples, and a verifier that picks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from orchestrator.registry import strategy
from orchestrator.types import Estimate, Problem, Sampling

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class BestOfN:
    """Samples several chains of thought and keeps the first that a verifier passes, else the best scored.

    1. Samples: several replies to one prompt that asks for the reasoning before the answer.
    2. Check: the verifier says of each whether it passes, or how good it is.
    3. Selection: the first that passes, else the best scored.

    Repeated sampling with a verifier (Cobbe et al., 2021; Brown et al., 2024). Where no verifier fits the kind of
    problem, the answers vote.
    """

    samples: int = 10
    """Replies, at the most: the first that passes a check ends the search."""
    temperature: float | None = 0.8
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "first_verified"
    verifier: ClassVar[str] = "auto"

    async def __call__(self, problem: Problem, run: Run) -> None:
        await run.map(self._sample, range(self.samples))

    async def _sample(self, index: int, run: Run) -> None:
        prompt = run.problem.ask(run.prompts("cot").answer)
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        reply = await run.generate(prompt, sample=index // len(run.experts), sampling=sampling)
        run.emit(await run.read(reply))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(self.samples, float(self.samples), self.samples, 1)

    def fit(self, calls: int, problem: Problem, experts: int) -> BestOfN | None:
        """The ladder: fewer samples, down to one."""
        return replace(self, samples=min(calls, self.samples)) if calls >= 1 else None
