"""An answer written out of all the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.errors import VerifierError
from orchestrator.types import Candidate, Choice, Estimate, Expert, Problem, Sampling, Scored

from .._judging import listed
from .._lists import declines
from ._support import supported
from ._votes import NOTHING, classes_of, in_lineage, score_of, standing
from .first_verified import FirstVerified

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Synthesis:
    """Has a model read all candidates and write the final answer, as in Mixture-of-Agents (J. Wang et al., 2024).

    1. Material: the candidates that failed no check, numbered, in an order that is drawn anew for each problem, without
       their authors. Where no candidate has an answer, the replies that say anything.
    2. Writing: one reply. Its writer is warned that some of them may be wrong, and asked for an answer of its own.
    3. Comparison: the written answer is read like any other. Confidence is the share of candidates with the same
       answer; for free text, the mean share of words (token F1) that they have in common with it.

    The expert `expert` writes; where none is named, the role `aggregator`; else the run's own. A single candidate is
    taken as it is, and so is the first one that passed a check. A check that goes with the strategy also checks the
    written answer. When the reply does not come or cannot be read, the majority is chosen and the reason is told.

    Raises:
        ValueError: a field is out of its range.
    """

    expert: str | None = None
    """Id of the expert that writes, out of those that the run has."""
    most: int = 16
    """Candidates shown at the most: those that a verifier puts first, of equals some at random."""
    temperature: float | None = None
    """`None`: the provider's default."""
    longest: int = 4_000
    """Characters of a candidate that are shown; of a longer one its beginning and its end."""
    max_tokens: int | None = None
    """Cap on the reply; 2048 where nobody sets one."""

    writes: ClassVar[bool] = True
    needs: ClassVar[str] = "an expert that can tell good answers from bad ones; `--role aggregator=ID` names one"

    def __post_init__(self) -> None:
        if self.most < 2 or self.longest < 100:
            raise ValueError("most is at least 2, and longest at least 100")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        if any(one.passed for one in scored):
            return await FirstVerified()(problem, scored, run)
        material = standing(scored) or [one for one in in_lineage(scored) if not declines(one.candidate.text)]
        if len(material) < 2:
            return _as_it_is(material)
        written = await self._written(problem, self._shown(material, run), run)
        return await supported(problem, written, await classes_of(problem, material), len(material), "synthesis")

    def _shown(self, material: Sequence[Scored], run: Run) -> list[Candidate]:
        drawn = run.rng.sample(material, len(material))
        best = sorted(drawn, key=lambda one: (not one.verified, not one.passed, -score_of(one)))[: self.most]
        kept = {one.candidate.id for one in best}
        return [one.candidate for one in drawn if one.candidate.id in kept]

    async def _written(self, problem: Problem, shown: Sequence[Candidate], run: Run) -> Candidate:
        prompt = problem.ask(run.prompts("synthesis").write, candidates=listed(problem, shown, self.longest))
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        writer = self._writer(run)
        reply = await run.generate(prompt, expert=writer, sampling=sampling, purpose="synthesis")
        answer = await run.read(reply)
        if answer.key is None or declines(reply.text):
            raise VerifierError(f"the answer that {writer.id} wrote out of {len(shown)} candidates cannot be read")
        return run.candidate(answer, parents=shown)

    def _writer(self, run: Run) -> Expert:
        if self.expert is None:
            return run.role("aggregator")
        named = next((expert for expert in run.experts if expert.id == self.expert), None)
        if named is None:
            there = ", ".join(expert.id for expert in run.experts)
            raise VerifierError(f"synthesis: no expert of this run is called '{self.expert}'; there are: {there}")
        return named

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """One call of the writer."""
        try:
            return {self._writer(run).id: 1} if candidates > 1 else {}
        except VerifierError:
            return {}  # it is told when there is something to write

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on two candidates or more."""
        return self.estimate_over(problem, experts, self.most)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """One call, unless there is nothing to put together."""
        return Estimate(0, 1.0, 1, 1) if candidates > 1 else Estimate(0, 0.0, 0, 0)


def _as_it_is(material: Sequence[Scored]) -> Choice:
    alone = material[0].candidate if material and material[0].candidate.key is not None else None
    return NOTHING if alone is None else Choice(alone, 1.0, "vote", (alone,))
