"""Step-back prompting, as a strategy that anybody could have written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from orchestrator import Estimate, Problem, Sampling, strategy

if TYPE_CHECKING:
    from orchestrator import Run


@strategy
@dataclass(frozen=True)
class StepBack:
    """Asks what problems of a sort rest on, before it solves one of them (Zheng et al., 2024).

    1. Principles: several lists of what matters, each drawn anew.
    2. Answers: one from each list, in a conversation of its own.
    3. Selection: by a check where the kind of problem has one, else by majority.

    Departs from the paper: no worked examples, and several lines instead of one.
    """

    lines: int = 3
    """Lists of principles, and so answers."""
    principles: int = 4
    """How many are asked for in each list."""
    temperature: float | None = 0.7
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    verifier: ClassVar[str] = "auto"
    aggregator: ClassVar[str] = "first_verified"

    def __post_init__(self) -> None:
        if self.lines < 1 or self.principles < 1:
            raise ValueError("lines and principles count from 1")

    async def __call__(self, problem: Problem, run: Run) -> None:
        # A line makes two calls: under a cap only those lines begin that can end.
        await run.map(self._line, range(self.lines), cost=2)

    async def _line(self, index: int, run: Run) -> None:
        prompts = run.prompts("step_back", package="step_back")
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        ask = run.problem.ask(prompts.principles, number=str(self.principles))
        found = await run.generate(ask, sample=index, sampling=sampling, purpose="principles")
        ask = run.problem.ask(prompts.answer, principles=found.text)
        reply = await run.generate(ask, sample=index, sampling=sampling)
        run.emit(await run.read(reply), parents=(found,))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        calls = 2 * self.lines
        return Estimate(calls, float(calls), calls, 2, self.lines)

    def fit(self, calls: int, problem: Problem, experts: int) -> StepBack | None:
        """The ladder: fewer lines, down to one."""
        return replace(self, lines=min(self.lines, calls // 2)) if calls >= 2 else None
