"""Runs a program against tests that a model writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.sandbox import Limits
from orchestrator.types import Candidate, Estimate, Problem, Verdict

from .._judging import one_line
from .._running import rows
from .._written import Writing, dealt_writers, testable, written_tests

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class GeneratedTests:
    """Scores a program by the share of model-written tests that it passes; an opinion, which passes nobody.

    1. Tests: several samples of a few assert statements each, asked for once for all candidates of a problem.
    2. Reading: what is an assert statement that calls the function counts, of each sample the first few.
    3. Score: the share of the tests that the program passes; one that was written several times weighs as much.

    The role `tests` writes; where nobody was given for it, all experts in turn. Tests are often wrong, and one that is
    wrong lowers the score of right programs, so the scores say which of several programs is better and not whether it
    is right. The aggregator `codet` makes more of the same tests, as it looks at all programs together. Only a
    candidate without a program fails.

    Raises:
        ValueError: a field is out of its range.
    """

    samples: int = 10
    """Replies that tests are taken from."""
    per_sample: int = 5
    """Tests that are taken of each reply at the most, from its beginning."""
    temperature: float | None = 0.8
    """`None`: the provider's default."""
    top_p: float | None = 0.95
    """Share of the likeliest tokens that each reply samples from."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""
    timeout: float = 2.0
    """CPU seconds for all tests of a program together. One that takes a fourth of them by itself ends the run that it
    is in, and the others go on in another."""
    memory_mb: int = 1024
    """Memory that a program may take."""

    needs: ClassVar[str] = "problems of kind code that ask for a function"

    def __post_init__(self) -> None:
        self._writing()

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        if candidate.answer is None:
            return Verdict(0.0, False, "there is no program in the reply", "generated_tests")
        written = await written_tests(problem, run, self._writing())
        limits = Limits(self.timeout, memory_mb=self.memory_mb)
        (passes,) = await rows([candidate.answer], written, limits, run)
        weights = [test.times for test in written.tests]
        gained = sum(weight for weight, passed in zip(weights, passes, strict=True) if passed)
        failed = [source for source, passed in zip(written.sources, passes, strict=True) if not passed]
        reason = f"passes {len(passes) - len(failed)} of {len(passes)} written tests"
        shown = one_line(f"{reason}, not {failed[0]}") if failed else reason
        return Verdict(gained / sum(weights), None, shown, "generated_tests")

    def _writing(self) -> Writing:
        return Writing(self.samples, self.per_sample, self.temperature, self.top_p, self.max_tokens)

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """The calls that tests are written in."""
        writers = dealt_writers(run, self.samples) if testable(problem) else []
        return Counter(expert.id for expert, _ in writers)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on one problem, however many candidates there are."""
        return Estimate(self.samples, float(self.samples), self.samples, 1)
