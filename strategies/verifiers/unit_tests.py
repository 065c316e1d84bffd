"""Runs a program against the public tests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.sandbox import Execution, run_tests
from orchestrator.types import Candidate, Estimate, Problem, Verdict

if TYPE_CHECKING:
    from orchestrator.run import Run

_ENDED_EARLY = ("failed", "error")


@dataclass(frozen=True, slots=True)
class UnitTests:
    """Passes a program that passes every public test of its problem; the score is the share of tests passed.

    A problem without public tests gets no verdict on its candidates beyond 0 and "not checked".
    """

    timeout: float = 10.0
    """Wall seconds for all tests of a candidate together, and again for each alone when they failed together."""
    memory_mb: int = 1024
    """Memory that a program may take."""

    needs: ClassVar[str] = "problems of kind code with public tests"

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        if not problem.public_tests:
            return Verdict(0.0, None, "the problem has no public tests", "unit_tests")
        if candidate.answer is None:
            return Verdict(0.0, False, "there is no program in the reply", "unit_tests")
        done = await self._run(candidate.answer, "\n".join(problem.public_tests))
        if done.verdict == "passed":
            return Verdict(1.0, True, "", "unit_tests")
        share = 0.0
        if done.verdict in _ENDED_EARLY and len(problem.public_tests) > 1:
            share = await self._share(candidate.answer, problem.public_tests)
        return Verdict(share, False, f"{done.verdict}: {done.detail}", "unit_tests")

    async def _share(self, program: str, tests: tuple[str, ...]) -> float:
        async with asyncio.TaskGroup() as group:
            runs = [group.create_task(self._run(program, test)) for test in tests]
        return sum(one.result().verdict == "passed" for one in runs) / len(tests)

    async def _run(self, program: str, tests: str) -> Execution:
        return await run_tests(program, tests, timeout=self.timeout, memory_mb=self.memory_mb)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)
