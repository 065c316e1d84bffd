"""Carries a plan out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.answers import strips
from orchestrator.errors import VerifierError
from orchestrator.types import Candidate, Estimate, Problem, Verdict

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Plan:
    """Passes a plan whose every step applies and that ends in the goal (STRIPS).

    Reads `meta["pddl_domain"]` and `meta["pddl_instance"]` of the problem.

    Raises:
        VerifierError: one of them is missing or cannot be read.
    """

    needs: ClassVar[str] = "problems of kind plan with their PDDL in meta"

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        domain, instance = problem.meta.get("pddl_domain"), problem.meta.get("pddl_instance")
        if not isinstance(domain, str) or not isinstance(instance, str):
            lacking = "pddl_instance" if isinstance(domain, str) else "pddl_domain"
            raise VerifierError(f"problem {problem.id} has no meta.{lacking}; a plan cannot be checked without it")
        if candidate.answer is None:
            return Verdict(0.0, False, "there is no plan in the reply", "plan")
        check = strips.validate(domain, instance, candidate.answer)
        return Verdict(float(check.valid), check.valid, check.reason, "plan")

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)
