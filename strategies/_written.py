"""Tests that a model writes: asked for once a problem, however many candidates they are for.

They are as untrusted as programs, and as likely to be wrong. They are found by their text alone, and are read and run
in the sandbox.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.errors import ExpertError, VerifierError
from orchestrator.sandbox import Limits, Value
from orchestrator.types import Expert, Problem, Sampling

from ._asserts import asserts_in

if TYPE_CHECKING:
    from orchestrator.run import Run

_Writers: TypeAlias = list[tuple[Expert, int]]
"""Who writes each sample, and which of that expert's samples it is."""

_BRINGS = re.compile(r"^[ \t]*((?:from|import|def|async def|class)\b.*)$", re.MULTILINE)
"""Lines of a problem that bring names."""
_NAME = re.compile(r"[^\W\d]\w*")
_READING = Limits(seconds=20.0, output_mb=16)


@dataclass(frozen=True, slots=True)
class Writing:
    """How tests are asked for."""

    samples: int = 10
    per_sample: int = 5
    temperature: float | None = 0.8
    top_p: float | None = 0.95
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if min(self.samples, self.per_sample) < 1:
            raise ValueError("samples and per_sample are at least 1")


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """One test."""

    source: str
    """An assert statement, in one spelling for all that mean the same."""
    times: int = 1
    """How often it was written."""
    args: tuple[Value, ...] | None = None
    """Arguments of its call where they are literals."""


@dataclass(frozen=True, slots=True)
class WrittenTests:
    """The different tests for a problem, in the order in which they were first written."""

    entry: str
    """The name that they call."""
    tests: tuple[WrittenTest, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(test.source for test in self.tests)

    def inputs(self, most: int) -> tuple[tuple[Value, ...], ...]:
        """Different arguments that the tests call with, those that most of them use first."""
        found: Counter[str] = Counter()
        args: dict[str, tuple[Value, ...]] = {}
        for test in self.tests:
            if test.args is not None:
                found[repr(test.args)] += test.times
                args[repr(test.args)] = test.args
        return tuple(args[shown] for shown, _ in found.most_common(most))


async def written_tests(problem: Problem, run: Run, writing: Writing) -> WrittenTests:
    """The tests for a problem, the same for whoever asks in the same way.

    Raises:
        VerifierError: the problem asks for no program, or nothing that was written is a test.
        ExpertError: nobody wrote anything.
    """
    if problem.kind != "code":
        raise VerifierError(f"problem {problem.id} is of kind {problem.kind}; tests can only be written for programs")
    if not testable(problem):
        raise VerifierError(f"problem {problem.id} asks for a whole program; tests can only be written for a function")
    writers = dealt_writers(run, writing.samples)
    named = tuple(expert.id for expert, _ in writers)
    return await run.once(("tests", writing, named), partial(_written, problem, run, writing, writers))


def testable(problem: Problem) -> bool:
    """Whether tests can be written for it: it asks for a function."""
    return problem.kind == "code" and all(example.entry is not None for example in problem.examples)


def entry_of(problem: Problem) -> str | None:
    """The name that the problem gives to the function, or to the method of a class `Solution`."""
    named = (problem.meta.get("entry_point"), *(example.entry for example in problem.examples))
    return next((name for name in named if isinstance(name, str) and name.isidentifier()), None)


async def read_tests(texts: Sequence[str], entry: str | None, run: Run) -> WrittenTests | None:
    """The statements among texts that test a function, doubles counted; `None` where there is none."""
    known = [name for line in _BRINGS.findall(run.problem.prompt) for name in _NAME.findall(line)]
    (output,) = await run.sandbox.outputs(_reader(), "read", [(list(texts), entry, known)], _READING)
    match output.value:
        case (str() as name, list() as items):
            return WrittenTests(name, _counted([(item[0], item[1]) for item in items if item])) if any(items) else None
    return None


# -- asking -------------------------------------------------------------------------------


async def _written(problem: Problem, run: Run, writing: Writing, writers: _Writers) -> WrittenTests:
    entry = entry_of(problem)
    replies = await _replies(problem, run, writing, writers)
    texts = [text for reply in replies for text in asserts_in(reply, entry)[: writing.per_sample]]
    found = await read_tests(texts, entry, run) if texts else None
    if found is None:
        raise VerifierError(f"nothing that was written for problem {problem.id} is a test of its function")
    return found


async def _replies(problem: Problem, run: Run, writing: Writing, writers: _Writers) -> list[str]:
    """What was written, in order."""
    lost: dict[int, ExpertError] = {}
    template = run.prompts("tests").write
    entry = entry_of(problem)
    function = f"`{entry}`" if entry else "the function that is asked for"
    prompt = problem.ask(template, function=function, count=str(writing.per_sample))
    sampling = Sampling(writing.temperature, writing.top_p, writing.max_tokens)

    async def write(number: int, branch: Run) -> str:
        expert, sample = writers[number]
        try:
            reply = await branch.generate(prompt, expert=expert, sample=sample, sampling=sampling, purpose="tests")
        except ExpertError as error:
            lost[number] = error
            raise
        return reply.text

    found = await run.map(write, range(len(writers)))
    if len(lost) == len(writers):
        raise lost[0]
    return [text for text in found if text is not None]


def dealt_writers(run: Run, samples: int) -> _Writers:
    """Who writes each sample, with its number among those of the same: the role `tests`, else all experts in turn."""
    dealt: _Writers = []
    times: Counter[str] = Counter()
    for number in range(samples):
        expert = run.role("tests", run.experts[number % len(run.experts)])
        dealt.append((expert, times[expert.id]))
        times[expert.id] += 1
    return dealt


def _counted(items: Sequence[tuple[str, tuple[Value, ...] | None]]) -> tuple[WrittenTest, ...]:
    times = Counter(source for source, _ in items)
    args = dict(reversed(items))
    return tuple(WrittenTest(source, times[source], args[source]) for source in times)


@cache
def _reader() -> str:
    return files("orchestrator.strategies").joinpath("_inside.py").read_text(encoding="utf-8")
