"""CodeT: programs and tests that vouch for each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from orchestrator.registry import spec_of, strategy
from orchestrator.types import Estimate, Problem, Sampling

from .aggregators.codet import CodeT as Agreement

if TYPE_CHECKING:
    from orchestrator.run import Run


@strategy
@dataclass(frozen=True)
class CodeT:
    """Samples programs, has tests written beside them, and chooses by which agree with which (Chen et al., 2023).

    1. Programs: many samples of one prompt that asks for the program alone.
    2. Tests: as many samples of a few assert statements each, from another prompt, at the same time.
    3. Runs: every different program on every different test.
    4. Choice: of the programs that pass exactly the same tests, the group of most programs times most tests; of it the
       program that was written most often.

    For problems that bring no tests. Steps 2 to 4 are the aggregator `codet`, which can stand behind any strategy that
    writes programs.

    Departs from the paper: programs and tests are asked for in a conversation, and not by the beginning of a file, and
    so replies may have more than 300 tokens; ties and limits on time are as in the aggregator. Where the problem has
    public tests, only the programs take part that pass most of them. Answers to other kinds of problem are put to the
    vote.
    """

    samples: int = 100
    """Programs."""
    tests: int = 100
    """Replies that tests are taken from."""
    per_sample: int = 5
    """Tests that are taken of each reply at the most, from its beginning."""
    power: float = 1.0
    """What the number of a group's programs is raised to: 1 as in the paper, 0.5 as in the code published with it."""
    strict: bool = False
    """Whether tests that all programs pass, or none, are left out."""
    distinct: bool = False
    """Whether equal programs count once, and equal tests likewise."""
    temperature: float | None = 0.8
    """For programs and tests; `None`: the provider's default."""
    top_p: float | None = 0.95
    """Share of the likeliest tokens that each call samples from."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one. The paper's 300 suit models that go on with a file. A chat model
    they often cut off, and a reply that is cut off is asked for once more, which no estimate counts."""
    timeout: float = 2.0
    """CPU seconds for all tests of a program together."""

    verifier: ClassVar[str] = "none"
    needs: ClassVar[str] = "problems of kind code that ask for a function; others are put to the vote"

    def __post_init__(self) -> None:
        if min(self.samples, self.tests) < 1:
            raise ValueError("samples and tests count from 1, and are at least 1")
        self._agreement()

    @property
    def aggregator(self) -> str:
        return str(spec_of(self._agreement()))

    async def __call__(self, problem: Problem, run: Run) -> None:
        # The aggregator has the tests written meanwhile.
        await run.map(self._program, range(self.samples))

    async def _program(self, index: int, run: Run) -> None:
        prompts = run.prompts("codet")
        prompt = run.problem.ask(prompts.program if run.problem.kind == "code" else prompts.answer)
        sampling = Sampling(self.temperature, self.top_p, self.max_tokens)
        reply = await run.generate(prompt, sample=index // len(run.experts), sampling=sampling)
        run.emit(await run.read(reply))

    def _agreement(self) -> Agreement:
        return Agreement(
            samples=self.tests,
            per_sample=self.per_sample,
            power=self.power,
            strict=self.strict,
            distinct=self.distinct,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            timeout=self.timeout,
            ahead=True,
        )

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """The programs; the tests are the aggregator's."""
        return Estimate(self.samples, float(self.samples), self.samples, 1)

    def fit(self, calls: int, problem: Problem, experts: int) -> CodeT | None:
        """The ladder: fewer programs and tests alike, down to one program and one reply with tests."""
        share = min(1.0, calls / self.samples)
        tests = max(1, round(self.tests * share))
        return replace(self, samples=min(calls, self.samples), tests=tests) if calls >= 1 else None
