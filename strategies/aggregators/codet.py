"""Programs and tests that vouch for each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.sandbox import Limits
from orchestrator.types import Choice, Estimate, Problem, Scored

from .._running import rows
from .._written import Writing, WrittenTest, dealt_writers, testable, written_tests
from ._programs import Group, of_groups, programs_of, sources
from ._votes import NOTHING, Class, elected

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class CodeT:
    """Chooses by dual execution agreement: programs that pass the same model-written tests (Chen et al., 2023).

    1. Tests: several samples of a few assert statements each, asked for once; of each the first few count.
    2. Runs: every different program on every different test.
    3. Groups: programs that pass exactly the same tests. A group weighs the number of its programs times the number of
       its tests.
    4. Choice: the heaviest group, of it the program that most candidates wrote, of equals the earliest.

    Programs and tests that were written several times count as often, unless `distinct`. Where the problem has public
    tests, only the programs take part that pass most of them. When no program passes any written test, the majority is
    chosen.

    Departs from the paper: ten samples of tests by default instead of 100; of groups with equal weight the one with the
    earliest supporter is chosen instead of one at random; time is limited for all tests of a program together, as CPU
    time, instead of to 0.1 s for each.

    Raises:
        ValueError: a field is out of its range.
    """

    samples: int = 10
    """Replies that tests are taken from."""
    per_sample: int = 5
    """Tests that are taken of each reply at the most, from its beginning."""
    power: float = 1.0
    """What the number of programs is raised to: 1 as in the paper's formula, 0.5 as in the code published with it."""
    strict: bool = False
    """Whether tests that all programs pass, or none, are left out."""
    distinct: bool = False
    """Whether equal programs count once, and equal tests likewise."""
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
    ahead: bool = False
    """Whether tests are asked for at once, beside the programs, and not only when there are programs to choose from.
    That saves the time that they take, but not the calls where all programs are the same."""

    needs: ClassVar[str] = "problems of kind code that ask for a function"

    def __post_init__(self) -> None:
        self._writing()
        if self.power < 0:
            raise ValueError("power is at least 0")
        if not self.timeout > 0:
            raise ValueError("timeout is more than 0 seconds")

    async def begin(self, problem: Problem, run: Run) -> None:
        """Asks for the tests where they are wanted ahead."""
        if self.ahead:
            await written_tests(problem, run, self._writing())

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        classes = await programs_of(problem, scored, run)
        if len(classes) < 2:
            return elected(classes, [len(members) for members in classes], "vote") if classes else NOTHING
        written = await written_tests(problem, run, self._writing())
        limits = Limits(self.timeout, memory_mb=self.memory_mb)
        passed = await rows(sources(classes), written, limits, run)
        groups = self._groups(classes, written.tests, passed)
        if not any(group.weight for group in groups):
            return elected(classes, [len(members) for members in classes], "vote")
        return of_groups(groups, "weight")

    def _groups(
        self, classes: Sequence[Class], tests: Sequence[WrittenTest], passed: Sequence[Sequence[bool]]
    ) -> list[Group]:
        counted = [i for i in range(len(tests)) if not self.strict or len({row[i] for row in passed}) > 1]
        alike: dict[tuple[int, ...], list[Class]] = defaultdict(list)
        for members, row in zip(classes, passed, strict=True):
            alike[tuple(i for i in counted if row[i])].append(members)
        return [self._group(members, [tests[i] for i in indices]) for indices, members in alike.items()]

    def _group(self, members: Sequence[Class], passed: Sequence[WrittenTest]) -> Group:
        programs = len(members) if self.distinct else sum(map(len, members))
        tests = len(passed) if self.distinct else sum(test.times for test in passed)
        return Group(tuple(members), programs**self.power * tests)

    def _writing(self) -> Writing:
        return Writing(self.samples, self.per_sample, self.temperature, self.top_p, self.max_tokens)

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """The calls that tests are written in, which come at once where they are wanted ahead."""
        if not testable(problem) or (candidates < 2 and not self.ahead):
            return {}
        return Counter(expert.id for expert, _ in dealt_writers(run, self.samples))

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on two candidates or more."""
        return self.estimate_over(problem, experts, 2)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """None where there is nothing to choose, unless they are asked for ahead, and none where no tests can be
        written: for other kinds than code, and for whole programs."""
        calls = self.samples if testable(problem) and (candidates > 1 or self.ahead) else 0
        return Estimate(calls if self.ahead else 0, float(calls), calls, int(calls > 0 and not self.ahead))
