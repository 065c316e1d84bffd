"""IdeaSearch: one idea in natural language before each answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from orchestrator.errors import BadCompletion
from orchestrator.registry import strategy
from orchestrator.types import Estimate, Problem, Sampling

from ._lists import declines

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class IdeaSearch:
    """Has each answer follow an idea that was written down first, in a conversation of its own (Wang et al., 2024).

    1. Ideas: as many samples of a solution in plain words, urged not to trust the first intuition.
    2. Programs: each idea becomes one; other kinds of problem end in an answer.
    3. Selection: by the problem's public tests where it has some, else by the verifier and aggregator.

    The baseline beside PlanSearch. Departs from the paper: ten samples by default instead of 200, and programs are
    written without worked examples.
    """

    samples: int = 10
    """Ideas, and so answers."""
    temperature: float | None = 0.9
    """For ideas; `None`: the provider's default."""
    code_temperature: float | None = 0.9
    """For programs and answers."""
    top_p: float | None = 0.95
    """Share of the likeliest tokens that each call samples from."""
    max_tokens: int | None = 4096
    """Cap on each reply."""

    aggregator: ClassVar[str] = "first_verified"
    verifier: ClassVar[str] = "auto"

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError("samples counts from 1")

    async def __call__(self, problem: Problem, run: Run) -> None:
        experts = [run.experts[i % len(run.experts)] for i in range(self.samples)]
        run.declare(Counter(run.role(role, expert).id for expert in experts for role in ("idea", "code")))
        await run.map(self._sample, range(self.samples), cost=2)

    async def _sample(self, index: int, run: Run) -> None:
        # Numbered over all branches: experts given for the roles may be asked by every one of them.
        prompts = run.prompts("ideasearch")
        sampling = Sampling(self.temperature, self.top_p, self.max_tokens)
        prompt = run.problem.ask(prompts.idea)
        idea = await run.generate(prompt, expert=run.role("idea"), sample=index, sampling=sampling, purpose="plan")
        if declines(idea.text):
            raise BadCompletion("a reply that says nothing, or refuses", expert=idea[0].expert)
        prompt = run.problem.ask(prompts.program if run.problem.kind == "code" else prompts.answer, idea=idea.text)
        sampling = replace(sampling, temperature=self.code_temperature)
        reply = await run.generate(prompt, expert=run.role("code"), sample=index, sampling=sampling)
        run.emit(await run.read(reply), parents=(idea,), plan=idea)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(2 * self.samples, 2.0 * self.samples, 2 * self.samples, 2, self.samples)

    def fit(self, calls: int, problem: Problem, experts: int) -> IdeaSearch | None:
        """The ladder: fewer samples, down to one."""
        return replace(self, samples=min(calls // 2, self.samples)) if calls >= 2 else None
