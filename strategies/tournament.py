"""Tournament: samples, and a knockout between their answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.registry import spec_of, strategy
from orchestrator.types import Estimate, Problem, Sampling

from .aggregators.tournament import Tournament as Matches

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class Tournament:
    """Samples several chains of thought and has a model compare their answers two at a time until one is left.

    1. Samples: several replies to one prompt that asks for the reasoning before the answer.
    2. Seeds: one entrant for each answer, in the order of how many samples have it.
    3. Rounds: the best seeds meet the worst, with byes for the best; each pair is shown in both orders, and where the
       order decides it is a draw, which sends the better seed on.

    Steps 2 and 3 are the aggregator `tournament`, which can stand behind any strategy. As equal answers enter once and
    never meet, there are fewer calls than samples allow wherever they agree; where all do, none.
    """

    samples: int = 8
    """Replies, and entrants at the most."""
    form: Literal["knockout", "round_robin"] = "knockout"
    """Matches grow with the number of answers, or with its square."""
    temperature: float | None = 0.8
    """For samples; `None`: the provider's default."""
    judge_temperature: float | None = 0.1
    """For comparisons."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    verifier: ClassVar[str] = "none"
    needs: ClassVar[str] = "an expert that compares better than chance; `--role judge=ID` names one"

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError("samples counts from 1")
        self._matches()

    @property
    def aggregator(self) -> str:
        return str(spec_of(self._matches()))

    async def __call__(self, problem: Problem, run: Run) -> None:
        await run.map(self._sample, range(self.samples))

    async def _sample(self, index: int, run: Run) -> None:
        prompt = run.problem.ask(run.prompts("cot").answer)
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        reply = await run.generate(prompt, sample=index // len(run.experts), sampling=sampling)
        run.emit(await run.read(reply))

    def _matches(self) -> Matches:
        return Matches(
            form=self.form,
            entrants=max(2, self.samples),
            temperature=self.judge_temperature,
            max_tokens=self.max_tokens,
        )

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """The samples; the comparisons are the aggregator's."""
        return Estimate(self.samples, float(self.samples), self.samples, 1)

    def fit(self, calls: int, problem: Problem, experts: int) -> Tournament | None:
        """The ladder: fewer samples, and so fewer matches, down to one sample and none."""
        return replace(self, samples=min(calls, self.samples)) if calls >= 1 else None
