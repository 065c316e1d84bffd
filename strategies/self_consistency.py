"""Self-consistency: many samples of one prompt, and a vote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator import answers
from orchestrator.registry import strategy
from orchestrator.types import Answer, Estimate, Problem, Sampling

if TYPE_CHECKING:
    from orchestrator.run import Run

Stop = Literal["fixed", "asc", "esc"]


@strategy
@dataclass(frozen=True)
class SelfConsistency:
    """Samples several chains of thought and lets their answers vote (Wang et al., 2023).

    1. Samples: several replies to one prompt that asks for the reasoning before the answer.
    2. Reading: the answer of each; a reply without one abstains.
    3. Vote: the answer that most of them have.

    `stop="asc"` stops when the leading answer is very likely the mode (Adaptive-Consistency, Aggarwal et al., 2023:
    the posterior that it beats the runner-up, under a uniform prior); `stop="esc"` when one window agrees throughout
    (Early-Stopping Self-Consistency, Li et al., 2024). Departs from the papers: samples are drawn in waves and the rule
    is asked after each; whatever stopped the sampling, all samples vote; ten samples by default, or one of each expert
    when there are several.
    """

    samples: int | None = None
    """How many at the most; `None`: 10 of one expert, one of each of several, 40 with a stop rule."""
    stop: Stop = "fixed"
    """When to stop before all samples are drawn: never, once the leader is likely to win, or once a window agrees."""
    window: int | None = None
    """Samples drawn between two looks at the rule; `None`: 4 for asc, 5 for esc."""
    threshold: float = 0.95
    """asc: the probability at which it stops."""
    temperature: float | None = 0.7
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "majority"
    verifier: ClassVar[str] = "none"

    async def __call__(self, problem: Problem, run: Run) -> None:
        votes: list[Answer] = []
        for wave in self._waves(len(run.experts)):
            drawn = await run.map(self._sample, wave, start=wave.start)
            votes += [answer for answer in drawn if answer is not None]
            if await self._decided(problem, votes, drawn):
                return

    async def _sample(self, index: int, run: Run) -> Answer:
        prompt = run.problem.ask(run.prompts("cot").answer)
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        reply = await run.generate(prompt, sample=index // len(run.experts), sampling=sampling)
        answer = await run.read(reply)
        run.emit(answer)
        return answer

    async def _decided(self, problem: Problem, votes: list[Answer], window: list[Answer | None]) -> bool:
        if self.stop == "fixed":
            return False
        if self.stop == "esc":
            read = [vote.key for vote in window if vote is not None and vote.key is not None]
            return len(read) == len(window) and len(set(await answers.classes(problem, read))) == 1
        keys = await answers.classes(problem, [vote.key for vote in votes if vote.key is not None])
        return mode_probability(keys) >= self.threshold

    def _waves(self, experts: int) -> Iterator[range]:
        most = self._most(experts)
        width = most if self.stop == "fixed" else self._width
        return (range(i, min(i + width, most)) for i in range(0, most, width))

    @property
    def _width(self) -> int:
        return self.window or (4 if self.stop == "asc" else 5)

    def _most(self, experts: int) -> int:
        if self.samples is not None:
            return self.samples
        return 40 if self.stop != "fixed" else experts if experts > 1 else 10

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        most = self._most(experts)
        if self.stop == "fixed":
            return Estimate(most, float(most), most, 1)
        least = min(most, self._width)
        return Estimate(least, (least + most) / 2, most, ceil(most / self._width))

    def fit(self, calls: int, problem: Problem, experts: int) -> SelfConsistency | None:
        """The ladder: fewer samples, down to one."""
        return replace(self, samples=min(calls, self._most(experts))) if calls >= 1 else None


def mode_probability(classes: list[int]) -> float:
    """`1 - I_0.5(a + 1, b + 1)` for the counts a >= b of the two most frequent classes.

    For whole counts the regularised incomplete beta function is a binomial tail: the chance of at most b heads in
    a + b + 1 tosses of a fair coin is what remains against the leader.
    """
    from math import comb

    counts = sorted((classes.count(c) for c in set(classes)), reverse=True)
    a, b = (*counts, 0, 0)[:2]
    tosses = a + b + 1
    return 1 - float(sum(comb(tosses, heads) for heads in range(a + 1, tosses + 1))) / float(2**tosses)
