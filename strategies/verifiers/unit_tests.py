"""Runs a program against the public tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.types import Candidate, Estimate, Problem, Verdict

from .._public_tests import public_suites, told

if TYPE_CHECKING:
    from orchestrator.run import Run
    from orchestrator.sandbox import Execution, Suite


@dataclass(frozen=True, slots=True)
class UnitTests:
    """Passes a program that passes every public test of its problem; the score is the share of tests passed.

    Public tests are asserts, and examples of what a whole program prints or a function returns, compared as
    LiveCodeBench does. A problem without them gets no verdict on its candidates beyond 0 and "not checked".

    Raises:
        VerifierError: an example of the problem cannot be read.
    """

    timeout: float = 10.0
    """CPU seconds for all tests of a candidate together; of a whole program for each run of it."""
    memory_mb: int = 1024
    """Memory that a program may take."""

    needs: ClassVar[str] = "problems of kind code with public tests"

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        suites = tuple(public_suites(problem))
        if not suites:
            return Verdict(0.0, None, "the problem has no public tests", "unit_tests")
        if candidate.answer is None:
            return Verdict(0.0, False, "there is no program in the reply", "unit_tests")
        done = [(suite, await self._run(problem, candidate.answer, suite, run)) for suite in suites]
        wrong = next((f"{e.verdict}{_where(suite, e)}: {e.detail}" for suite, e in done if e.verdict != "passed"), None)
        if wrong is None:
            return Verdict(1.0, True, "", "unit_tests")
        share = sum(e.passed for _, e in done) / sum(e.total for _, e in done)
        return Verdict(share, False, wrong, "unit_tests")

    async def _run(self, problem: Problem, answer: str, suite: Suite, run: Run) -> Execution:
        from orchestrator.sandbox import Limits
        from orchestrator.sandbox.header import with_header

        limits = Limits(seconds=self.timeout, memory_mb=self.memory_mb, fail_fast=False)
        return await run.sandbox.verify(with_header(problem, answer), suite, limits)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)


def _where(suite: Suite, execution: Execution) -> str:
    """Which test the reason is about."""
    return "" if execution.first_failed is None else f" in {told(suite, execution.first_failed)}"
