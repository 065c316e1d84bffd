"""Mixture-of-Agents: layers of answers, each written in the light of the one before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from orchestrator.budget import Budget
from orchestrator.errors import BadCompletion
from orchestrator.protocols import Strategy
from orchestrator.registry import Spec, Value, strategy
from orchestrator.types import Estimate, Problem, Sampling

from ._inner import Inner
from ._judging import listed
from ._rounds import Rounds, Turn, heard, turn_of
from ._samples import drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class MixtureOfAgents:
    """Has proposers answer in layers, each layer reading the answers of the one before it (J. Wang et al., 2024).

    1. First layer: every proposer answers the question. Several experts are dealt to in turn; of one expert they are
       samples, which is Self-MoA (Li et al., 2025).
    2. Middle layers: every proposer answers again, under a system message that lists the answers of the layer before,
       shuffled anew for each call and without their authors, and asks to weigh them.
    3. Last layer: one writer makes the final answer out of the last proposals. This is the aggregator `synthesis`;
       the role `aggregator` says who writes, which is one more call.

    The last proposals are the candidates: behind another aggregator they vote or are checked instead, and the written
    answer is compared with theirs. A proposer that is lost is left out and told in the trace; it stands by its answer
    of an earlier layer, if it has one.

    Departs from the paper: with one expert the proposers are samples of it; the writer is asked with the temperature
    and cap of the proposers, where the published code forgets them.
    """

    layers: int = 3
    """Those of the proposers and the writer's; 2 is the paper's MoA-Lite."""
    proposers: int = 6
    """Answers in each layer but the last."""
    inner: Strategy | None = None
    """What a proposer of the first layer answers with, by its own verifier and aggregator; `None`: one reply with the
    reasoning before the answer."""
    temperature: float | None = 0.7
    """For proposers and writer; `None`: the provider's default."""
    longest: int = 4_000
    """Characters of an answer that the next layer sees; of a longer one its beginning and its end."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    verifier: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if self.layers < 2 or self.proposers < 1 or self.longest < 100:
            raise ValueError("layers is at least 2, proposers at least 1, and longest at least 100")

    @property
    def aggregator(self) -> str:
        """The writer of the last layer."""
        wanted: dict[str, Value] = {"temperature": self.temperature}
        if self.proposers > 16:
            wanted["most"] = self.proposers
        if self.longest != 4_000:
            wanted["longest"] = self.longest
        if self.max_tokens is not None:
            wanted["max_tokens"] = self.max_tokens
        return str(Spec("synthesis", wanted))

    async def __call__(self, problem: Problem, run: Run) -> None:
        with Rounds(run, self.proposers) as rounds:
            rounds.foretell(round(self._first(problem).expected) + self.layers - 2)
            await rounds.hold(self._propose, cost=self._first(problem).most)
            for _ in range(self.layers - 2):
                if before := rounds.standing:
                    await rounds.hold(partial(self._refine, before))

    async def _propose(self, index: int, run: Run) -> Turn:
        if self.inner is None:
            return Turn(heard(await drawn(run, index, self._sampling)))
        draw = index // len(run.experts)
        found = await Inner(self.inner).answer(run, budget=self._purse(run), draw=draw)
        if found is None:
            raise BadCompletion("the inner strategy found no answer", expert=run.expert.id)
        return turn_of(found)

    async def _refine(self, before: Sequence[Turn], index: int, run: Run) -> Turn:
        read = run.rng.sample(before, len(before))
        candidates = listed(run.problem, [turn.answer for turn in read], self.longest)
        prompt = run.problem.ask(run.prompts("moa").refine, candidates=candidates)
        sample = index // len(run.experts)
        reply = await run.generate(prompt, sample=sample, sampling=self._sampling, purpose="refine")
        return Turn(heard(await run.read(reply)), tuple(turn.id for turn in read))

    @property
    def _sampling(self) -> Sampling:
        return Sampling(self.temperature, max_tokens=self.max_tokens)

    def _purse(self, run: Run) -> Budget | None:
        """The calls that one proposer of the first layer may make. Tokens and money are not divided: a share of a cap
        is soon less than the worst case of one call, and then nobody would propose anything."""
        calls = run.budget.calls
        if calls is None:
            return None
        later = self.proposers * (self.layers - 2) + (self.proposers > 1)
        return Budget(calls=max(1, (calls - later) // self.proposers))

    # -- calls --------------------------------------------------------------------------

    def _first(self, problem: Problem) -> Estimate:
        """Calls of one proposer of the first layer; an inner strategy that cannot tell counts as one."""
        told = None if self.inner is None else Inner(self.inner).estimate(problem)
        return told or Estimate(1, 1.0, 1, 1)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        p, first, later = self.proposers, self._first(problem), self.proposers * (self.layers - 2)
        return Estimate(
            p * first.least + later,
            p * first.expected + later,
            p * first.most + later,
            first.depth + self.layers - 2,
            candidates=p,
        )

    def fit(self, calls: int, problem: Problem, experts: int) -> MixtureOfAgents | None:
        """The ladder: fewer layers, down to two, then fewer proposers, down to one; smaller forms of the inner strategy
        before either."""
        smaller = [(layers, self.proposers) for layers in range(self.layers, 1, -1)]
        smaller += [(2, proposers) for proposers in range(self.proposers - 1, 0, -1)]
        forms = (self._form(layers, proposers, calls, problem) for layers, proposers in smaller)
        return next((form for form in forms if form is not None), None)

    def _form(self, layers: int, proposers: int, calls: int, problem: Problem) -> MixtureOfAgents | None:
        each = (calls - proposers * (layers - 2)) // proposers
        if each < 1:
            return None
        if self.inner is None:
            return replace(self, layers=layers, proposers=proposers)
        inner = Inner(self.inner).fit(each, problem)
        return None if inner is None else replace(self, layers=layers, proposers=proposers, inner=inner.strategy)
