"""DeepConf: samples whose votes weigh as much as they were sure of themselves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator import answers
from orchestrator.registry import strategy
from orchestrator.types import Candidate, Estimate, Problem, Sampling

from ._confidence import WINDOW, Measure, weights_of
from .aggregators.deepconf import DeepConf as Vote

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class DeepConf:
    """Samples several chains of thought and lets those vote that were surest of their tokens (Fu et al., 2025).

    1. Traces: several replies to one prompt, with the log-probabilities of the likeliest tokens at each place.
    2. Scores: how sure each trace was, by `measure`.
    3. Filter and vote: the surest share `keep` votes, with its scores as weights.

    `stop="consensus"` is the paper's online form, as far as whole replies allow: `warm_up` traces set the bar, which is
    what the share `keep` of their least sure windows reaches; a trace with a window below it does not vote; and traces
    are drawn, `wave` at a time, until the leading answer has the share `consensus` of the weight. In the paper a trace
    is also cut while it is being written, at its first window below the bar, which is where it saves most of its
    tokens: that needs log-probabilities while they stream, and is not available here. Such a trace is paid in full.

    Departs from the paper: the cap on a reply is the provider's or yours, where the paper's traces have up to 64,000
    tokens; scores of several experts are put on one scale. Without log-probabilities this is self-consistency with a
    plain vote, and the outcome says that it was chosen by `vote`.
    """

    samples: int | None = None
    """Traces at the most; `None`: 512, or 256 where a consensus may stop them."""
    stop: Literal["fixed", "consensus"] = "fixed"
    """When to stop before all traces are drawn: never, or once one answer has nearly all of the weight."""
    measure: Measure | None = None
    """`mean`, `lowest`, `bottom` or `tail`, as in the aggregator; `None`: `tail`, or `lowest` with a consensus."""
    keep: float = 0.9
    """Share of the traces that vote: the paper's "high"; 0.1 is its "low", for models that are not over-confident."""
    window: int = WINDOW
    """Tokens of a group; the paper has also tried 1024."""
    warm_up: int = 16
    """With a consensus: traces that are drawn at first and set the bar."""
    wave: int = 16
    """With a consensus: traces drawn between two looks at the votes."""
    consensus: float = 0.95
    """Share of the weight at which the leading answer stops the sampling."""
    top_logprobs: int = 20
    """Likeliest tokens at each place whose log-probabilities count."""
    temperature: float | None = 0.6
    """`None`: the provider's default."""
    top_p: float | None = 0.95
    """Share of the likeliest tokens that each trace samples from."""
    max_tokens: int | None = None
    """Cap on each trace; 2048 where nobody sets one. Models that reason at length need more."""

    verifier: ClassVar[str] = "none"
    needs: ClassVar[str] = "an expert that tells the log-probabilities of its tokens; without them it is a plain vote"

    def __post_init__(self) -> None:
        if min(self._most, self.wave, self.top_logprobs) < 1:
            raise ValueError("samples, wave and top_logprobs count from 1")
        if not 0 < self.consensus <= 1:
            raise ValueError("consensus is a share above 0, and 1 at the most")
        self._vote()

    @property
    def aggregator(self) -> str:
        vote = self._vote()
        warm_up = "" if vote.warm_up is None else f", warm_up={vote.warm_up}"
        return f"deepconf(measure={vote.measure}, keep={vote.keep}, window={vote.window}{warm_up})"

    async def __call__(self, problem: Problem, run: Run) -> None:
        traces: list[Candidate] = []
        scores: list[float | None] = []
        for wave in self._waves():
            drawn = await run.map(self._trace, wave, start=wave.start)
            found = [trace for trace in drawn if trace is not None]
            traces += found
            if self.stop == "fixed":
                return
            scores += await self._vote().scores(found)
            if await self._agreed(problem, traces, scores):
                return

    async def _trace(self, index: int, run: Run) -> Candidate:
        prompt = run.problem.ask(run.prompts("cot").answer)
        sampling = Sampling(self.temperature, self.top_p, self.max_tokens, top_logprobs=self.top_logprobs)
        reply = await run.generate(prompt, sample=index // len(run.experts), sampling=sampling)
        return run.emit(await run.read(reply))

    async def _agreed(self, problem: Problem, traces: Sequence[Candidate], scores: Sequence[float | None]) -> bool:
        """Whether one answer has nearly all of the weight that votes."""
        weights = weights_of(scores, [trace.expert for trace in traces], self.keep, self.warm_up)
        votes = [(t.key, w) for t, w in zip(traces, weights, strict=True) if t.key is not None and w is not None]
        sums: dict[int, float] = defaultdict(float)
        for number, (_, weight) in zip(await answers.classes(problem, [key for key, _ in votes]), votes, strict=True):
            sums[number] += weight
        total = math.fsum(sums.values())
        return total > 0 and max(sums.values()) / total >= self.consensus

    def _vote(self) -> Vote:
        if self.stop == "fixed":
            return Vote(self.measure or "tail", self.keep, self.window)
        return Vote(self.measure or "lowest", self.keep, self.window, self.warm_up)

    def _waves(self) -> list[range]:
        most = self._most
        if self.stop == "fixed":
            return [range(most)]
        first = min(self.warm_up, most)
        return [range(first), *(range(i, min(i + self.wave, most)) for i in range(first, most, self.wave))]

    @property
    def _most(self) -> int:
        if self.samples is not None:
            return self.samples
        return 512 if self.stop == "fixed" else 256

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        waves = self._waves()
        least = len(waves[0])
        return Estimate(least, (least + self._most) / 2, self._most, len(waves))

    def fit(self, calls: int, problem: Problem, experts: int) -> DeepConf | None:
        """The ladder: fewer traces, down to one."""
        return replace(self, samples=min(calls, self._most)) if calls >= 1 else None
