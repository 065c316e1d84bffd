"""Chain of thought: one line of reasoning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.registry import strategy
from orchestrator.types import Estimate, Problem, Sampling

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class ChainOfThought:
    """Asks once, with the reasoning before the answer (Wei et al., 2022).

    1. One reply to a prompt that asks for the reasoning before the answer.

    Departs from the paper: no worked examples are put before the question.
    """

    temperature: float | None = None
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on the reply; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "majority"
    verifier: ClassVar[str] = "none"

    async def __call__(self, problem: Problem, run: Run) -> None:
        prompt = problem.ask(run.prompts("cot").answer)
        reply = await run.generate(prompt, sampling=Sampling(self.temperature, max_tokens=self.max_tokens))
        run.emit(await run.read(reply))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(1, 1.0, 1, 1)
