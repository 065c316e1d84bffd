"""Verdicts on texts that are there already: no model is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.errors import BenchmarkError
from orchestrator.types import Json

from .case import Case
from .grading import executed, grade, scored
from .samples import Sample

if TYPE_CHECKING:
    from orchestrator.sandbox import Sandbox

IN_FLIGHT = 64
"""Samples that are read and judged side by side."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A sample with its verdict."""

    sample: Sample
    problem: str
    """Id of its problem, as the set has it."""
    verdict: str
    """Of programs what the sandbox says, of other answers `passed` or `failed`; `unparsed`: no answer could be read;
    `ungraded`: the set has nothing to grade by."""
    passed: bool | None
    detail: str = ""
    cpu_seconds: float = 0.0
    cached: bool = False
    """Whether the same program had been run for the same problem before."""

    @property
    def differs(self) -> bool:
        """Whether it is not what was recorded."""
        return None not in (self.passed, self.sample.recorded) and self.passed != self.sample.recorded

    def to_json(self) -> dict[str, Json]:
        """One line of an output file."""
        sample = self.sample
        told: dict[str, Json] = {"source": sample.source, "sample": sample.name, "recorded": sample.recorded}
        return {
            "task_id": self.problem,
            **{name: value for name, value in told.items() if value not in (None, "")},
            **({"chosen": True} if sample.chosen else {}),
            "verdict": self.verdict,
            "passed": self.passed,
            "detail": self.detail,
            "cpu_seconds": round(self.cpu_seconds, 6),
            "cached": self.cached,
        }


class Cases:
    """The problems of a set by id; ids that differ in capitals only are one where that leaves no doubt."""

    def __init__(self, cases: Iterable[Case], wanted: Callable[[str], bool] = lambda _: True) -> None:
        self.ids: list[str] = []
        """All of the set that can be graded, in its order."""
        self._known: dict[str, Case] = {}
        self._folded: dict[str, str | None] = {}
        for case in cases:
            name = case.problem.id
            if name in self._known:
                raise BenchmarkError(f"problem id '{name}' is there twice; verdicts need ids of their own")
            if case.gradable:
                self.ids.append(name)
            self._folded[name.casefold()] = None if name.casefold() in self._folded else name
            if wanted(name):
                self._known[name] = case

    def find(self, task: str) -> Case | None:
        """The problem that is meant."""
        return self._known.get(task) or self._known.get(self._folded.get(task.casefold()) or "")


@dataclass(slots=True)
class Judge:
    """Judges samples side by side, and tells of each in the order in which they come.

    Args:
        cases: the problems.
        box: where programs are run.
        tell: is given each verdict in turn.
        step: is called when a sample is done, whether or not it is its turn.
        timeout, memory_mb: limits on programs in place of the set's own: seconds, MiB.
    """

    cases: Cases
    box: Sandbox
    tell: Callable[[Judged], None]
    step: Callable[[], None] = lambda: None
    timeout: float | None = None
    memory_mb: int | None = None
    unknown: dict[str, int] = field(default_factory=dict)
    """Samples of tasks that the set does not have, by id."""
    ended: bool = False
    """Whether it was ended before everything was judged."""
    _done: dict[int, Judged | None] = field(default_factory=dict)
    _next: int = 0
    _limit: asyncio.Timeout | None = None

    async def __call__(self, samples: Iterable[Sample]) -> None:
        """Judges all samples, or those up to `end`.

        Raises:
            OrchestratorError: a row that cannot be read, or the sandbox is not available.
        """
        room = asyncio.Semaphore(IN_FLIGHT)
        try:
            async with asyncio.timeout(None) as self._limit, asyncio.TaskGroup() as group:
                for number, sample in enumerate(samples):
                    await room.acquire()
                    group.create_task(self._one(number, sample, room))
        except TimeoutError:
            if self._limit is None or not self._limit.expired():
                raise
            self.ended = True
        self._tell_rest()

    def end(self) -> None:
        """Ends the work at once; what has a verdict is told."""
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def _one(self, number: int, sample: Sample, room: asyncio.Semaphore) -> None:
        try:
            case = self.cases.find(sample.task)
            if case is None:
                self.unknown[sample.task] = self.unknown.get(sample.task, 0) + 1
                self._done[number] = None
            else:
                self._done[number] = await self._judged(sample, case)
        finally:
            room.release()
        self.step()
        self._tell_ready()

    async def _judged(self, sample: Sample, case: Case) -> Judged:
        name = case.problem.id
        if not case.gradable:
            return Judged(sample, name, "ungraded", None, "the set has nothing to grade by")
        answer = await sample.answer(case)
        if case.reference.rule is not None:
            return _scored(sample, case, answer, sample.text if sample.form == "reply" else None)
        if answer is None:
            return Judged(sample, name, "unparsed", False, "no answer could be read")
        return await _ruled(sample, self._as_given(sample, case), answer, self.box)

    def _as_given(self, sample: Sample, case: Case) -> Case:
        """The case with the caller's limits in place of the set's; a program in a file is whole, and run as it is."""
        given: Mapping[str, Json] = {"timeout": self.timeout, "memory_mb": self.memory_mb}
        limits = {key: value for key, value in given.items() if value is not None}
        reference = replace(case.reference, meta={**case.reference.meta, **limits}) if limits else case.reference
        if sample.form in ("completion", "solution"):
            reference = replace(reference, entry_point=None)
        return replace(case, reference=reference)

    def _tell_ready(self) -> None:
        while self._next in self._done:
            self._tell_one(self._done.pop(self._next))
            self._next += 1

    def _tell_rest(self) -> None:
        """Of work that was ended, also what came after the first sample without a verdict."""
        for number in sorted(self._done):
            self._tell_one(self._done.pop(number))

    def _tell_one(self, judged: Judged | None) -> None:
        if judged is not None:
            self.tell(judged)


def _scored(sample: Sample, case: Case, answer: str | None, text: str | None) -> Judged:
    """By the set's own rule, which may find points in a reply that no answer can be read out of."""
    score = scored(case, answer, text)
    assert score is not None
    detail = "; ".join((f"{score.points:g} of {score.of:g}", *score.flags))
    verdict = "passed" if score.full else "failed" if answer is not None else "unparsed"
    return Judged(sample, case.problem.id, verdict, score.full, detail)


async def _ruled(sample: Sample, case: Case, answer: str, box: Sandbox) -> Judged:
    name = case.problem.id
    if case.problem.kind != "code":
        passed = await grade(case, answer)
        return Judged(sample, name, "passed" if passed else "failed", passed)
    done = await executed(case, answer, box)
    return Judged(
        sample, name, done.verdict, done.verdict == "passed", done.detail, cpu_seconds=done.cpu_seconds,
        cached=done.cached,
    )  # fmt: skip
