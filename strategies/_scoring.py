"""Verdicts that a strategy asks for while it works, and that whoever checks its candidates afterwards is told again.

A strategy does not see the verifier that its user gave for the end. It has one of its own: the checker of the kind of
problem; of programs without public tests those that a model writes; else a judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.errors import ExpertError, VerifierError
from orchestrator.protocols import Estimates, EstimatesOver, Verifier
from orchestrator.registry import build, checker_of, spec_of, verdict_of
from orchestrator.sandbox import Limits
from orchestrator.types import Candidate, Estimate, Problem, Verdict

from ._judging import one_line
from ._public_tests import public_suites
from ._trials import tried

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Scoring:
    """How a strategy scores its own candidates."""

    given: Verifier | None = None
    """`None`: by the kind of problem."""
    for_programs: Verifier | str = "generated_tests"
    """Of programs without public tests, where none is given."""

    def verifier(self, problem: Problem) -> Verifier:
        if self.given is not None:
            return self.given
        usual = self.for_programs if problem.kind == "code" else "judge"
        return build("verifiers", checker_of(problem) or usual)

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        """The verdict on a text of an expert, made once for the problem.

        Raises:
            VerifierError: nobody can tell.
            ExpertError: likewise, as an expert was lost.
        """
        verifier = self.verifier(problem)
        what = ("verdict", str(spec_of(verifier)), candidate.expert, candidate.text)
        return await run.once(what, partial(verdict_of, verifier, problem, candidate, run))

    async def verdict(self, candidate: Candidate, run: Run) -> Verdict | None:
        """The same; `None` where nobody can tell, which the trace then says."""
        try:
            return await self(run.problem, candidate, run)
        except (ExpertError, VerifierError) as error:
            run.note("unscored", candidate=candidate.id, reason=one_line(str(error)))
            return None

    async def report(self, candidate: Candidate, verdict: Verdict, run: Run) -> str:
        """What was found, as whoever mends it is told: of a program with public tests how each of them ended."""
        suites = () if self.given is not None or run.problem.kind != "code" else tuple(public_suites(run.problem))
        if suites and candidate.answer is not None:
            return (await tried(candidate.answer, suites, Limits(), run)).report()
        return verdict.reason or f"It scores {verdict.score:.2f} of 1."

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """Calls on so many candidates."""
        verifier: object = self.verifier(problem)
        if isinstance(verifier, EstimatesOver):
            return verifier.estimate_over(problem, experts, candidates)
        return verifier.estimate(problem, experts) if isinstance(verifier, Estimates) else Estimate(0, 0.0, 0, 0)

    def calls_on(self, problem: Problem, candidates: int) -> int:
        """The most of these that are made for the candidates alone, and not once for the problem."""
        verifier: object = self.verifier(problem)
        return verifier.estimate_over(problem, 1, candidates).most if isinstance(verifier, EstimatesOver) else 0


@dataclass(frozen=True, slots=True)
class Told:
    """As a verifier after the search: what the strategy was told, without asking again."""

    scoring: Scoring

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        return await self.scoring(problem, candidate, run)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """None of its own: they are among the strategy's."""
        return Estimate(0, 0.0, 0, 0)
