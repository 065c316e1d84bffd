"""Reflexion: trying again with what was learned from the attempts before."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from orchestrator.errors import ExpertError, VerifierError
from orchestrator.protocols import Verifier
from orchestrator.registry import checker_of, strategy
from orchestrator.sandbox import Asserts, Limits, Suite
from orchestrator.types import Answer, Candidate, Estimate, Problem, Prompt, Reply, Sampling

from ._judging import one_line, shown
from ._lists import bulleted
from ._public_tests import public_suites
from ._scoring import Scoring, Told
from ._trials import tried
from ._written import Writing, WrittenTests, written_tests
from .verifiers.generated_tests import GeneratedTests

if TYPE_CHECKING:
    from orchestrator.run import Run

_DISPUTED = re.compile(r"\bthe test is wrong\b\W*$", re.IGNORECASE)


@strategy
@dataclass(frozen=True)
class Reflexion:
    """Tries again after every attempt that fails a check, with a reflection on why it failed (Shinn et al., 2023).

    1. Tests: of a program the public ones of its problem; where there are none a model writes some, beside the first
       program.
    2. Attempt: a program, or an answer of another kind, which is put forward.
    3. Check: the tests are run. Other kinds have their checker, or a judge.
    4. Reflection: a few sentences on what went wrong, given the attempt and what came of it, the smallest test that
       fails with its end above all. They are remembered.
    5. Repair: another attempt, given the one before, what came of it and what was learned so far.

    Several chains run side by side; what passes a checker ends them all. Departs from the paper: three repairs at the
    most instead of nine, a suite of tests instead of one, all reflections are kept and the last `memory` of them told,
    and a test that was written for it may be called wrong, which drops it. Where nothing that was written is a test,
    nothing can be learned: the first program stays alone, unchecked. Tests are run in the sandbox.
    """

    max_iters: int = 4
    """Attempts of a chain, the first included."""
    chains: int | None = None
    """Independent lines of attempts; `None`: one for each expert."""
    tests: int = 6
    """Tests that are written for a program without public ones."""
    memory: int = 3
    """Reflections that the next attempt is told at the most, the latest."""
    scorer: Verifier | None = None
    """What checks attempts of other kinds than programs; `None`: the checker of the kind, else a judge."""
    enough: float = 0.8
    """The score at which an attempt counts as right where nobody can check it, from 0 to 1."""
    temperature: float | None = 0.2
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""
    timeout: float = 10.0
    """CPU seconds for all tests of a program together."""

    aggregator: ClassVar[str] = "first_verified"
    needs: ClassVar[str] = "tests, a checker, or an expert that judges better than chance; `--role judge=ID` names one"

    def __post_init__(self) -> None:
        for name in ("max_iters", "tests", "memory"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} counts from 1")
        if self.chains is not None and self.chains < 1:
            raise ValueError("chains counts from 1")
        if not 0 <= self.enough <= 1 or not self.timeout > 0:
            raise ValueError("enough goes from 0 to 1, and timeout is more than 0 seconds")

    @property
    def verifier(self) -> Verifier:
        """What the attempts were told of, without asking again."""
        return Told(self._scoring)

    async def __call__(self, problem: Problem, run: Run) -> None:
        chains = range(self._width(len(run.experts)))
        steps: list[Callable[[Run], Awaitable[None]]] = [partial(self._begin, number) for number in chains]
        if self._writes(problem):
            steps.append(self._write)  # behind the chains, that experts are dealt as if it were not there
        await run.map(_step, steps)

    async def _begin(self, number: int, run: Run) -> None:
        await run.map(self._chain, [number], cost=self._line(run.problem))

    async def _chain(self, number: int, run: Run) -> None:
        """Attempts until one holds, nobody can tell, or there have been enough."""
        prompt = run.problem.ask(run.prompts("reflexion")["program" if run.problem.kind == "code" else "answer"])
        reply = await self._ask(prompt, run, "answer", number)
        attempt = _Attempt(run.emit(await run.read(reply)))
        # A chain that comes back to an attempt is told another sample of what was said of it.
        width = self._width(len(run.experts))
        for sample in range(number + width, width * self.max_iters, width):
            found = await self._check(attempt, run)
            if found is None or found.holds:
                return
            attempt = await self._after(attempt, found, sample, run)

    async def _after(self, attempt: _Attempt, found: _Finding, sample: int, run: Run) -> _Attempt:
        """The attempt after one that does not hold; the same without a test, where that was called wrong."""
        prompts = run.prompts("reflexion")
        suffix = "_program" if run.problem.kind == "code" else ""
        slots = {"answer": shown(run.problem, attempt.answer), "report": found.report}
        prompt = run.problem.ask(prompts[f"reflect{suffix}"], **slots)
        if found.doubtful:
            prompt = _with(prompt, prompts.doubt.text)
        reflection = await self._ask(prompt, run, "reflect", sample)
        if found.doubtful and _DISPUTED.search(reflection.text):
            run.note("test dropped", candidate=attempt.candidate.id)
            return replace(attempt, dropped=(*attempt.dropped, found.smallest))
        learned = (*attempt.learned, reflection.text.strip())
        prompt = run.problem.ask(prompts[f"again{suffix}"], **slots, reflections=bulleted(learned[-self.memory :]))
        reply = await self._ask(prompt, run, "answer", sample)
        candidate = run.emit(await run.read(reply), parents=(attempt.candidate, reflection))
        return _Attempt(candidate, learned, attempt.dropped)

    # -- checking -----------------------------------------------------------------------

    async def _check(self, attempt: _Attempt, run: Run) -> _Finding | None:
        """What came of an attempt; `None` where nobody can tell."""
        if run.problem.kind == "code" and self.scorer is None:
            return await self._run(attempt, run)
        verdict = await self._scoring.verdict(attempt.candidate, run)
        if verdict is None:
            return None
        holds = verdict.passed is True or (verdict.passed is None and verdict.score >= self.enough)
        return _Finding(holds, verdict.reason or f"It scores {verdict.score:.2f} of 1.")

    async def _run(self, attempt: _Attempt, run: Run) -> _Finding | None:
        suites = await self._suites(attempt, run)
        if not suites:  # without a test nothing is passed
            return None
        if attempt.candidate.answer is None:
            return _Finding(False, "There is no program in the reply.")
        trial = await tried(attempt.candidate.answer, suites, Limits(self.timeout), run)
        return _Finding(trial.all_passed, trial.report(), trial.smallest, self._writes(run.problem))

    async def _suites(self, attempt: _Attempt, run: Run) -> Sequence[Suite]:
        if not self._writes(run.problem):
            return tuple(public_suites(run.problem))
        written = await self._written(run)
        left = () if written is None else tuple(test for test in written.sources if test not in attempt.dropped)
        return (Asserts(left, trusted=False),) if left else ()

    async def _write(self, run: Run) -> None:
        await self._written(run)

    async def _written(self, run: Run) -> WrittenTests | None:
        """The tests that a model wrote, once for all chains; `None` where nothing of it is one."""
        try:
            return await written_tests(run.problem, run, self._writing)
        except (ExpertError, VerifierError) as error:
            run.note("no tests", reason=one_line(str(error)))
            return None

    def _writes(self, problem: Problem) -> bool:
        return problem.kind == "code" and self.scorer is None and checker_of(problem) is None

    @property
    def _writing(self) -> Writing:
        return Writing(1, self.tests, self.temperature, None, self.max_tokens)

    @property
    def _scoring(self) -> Scoring:
        w = self._writing
        tests = GeneratedTests(w.samples, w.per_sample, w.temperature, w.top_p, w.max_tokens, self.timeout)
        return Scoring(self.scorer, for_programs=tests)

    # -- asking -------------------------------------------------------------------------

    async def _ask(self, prompt: Prompt, run: Run, purpose: str, sample: int) -> Reply:
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        return await run.generate(prompt, sample=sample, sampling=sampling, purpose=purpose)

    # -- size ---------------------------------------------------------------------------

    def _width(self, experts: int) -> int:
        return self.chains or experts

    def _line(self, problem: Problem) -> int:
        """Calls of one chain at the most."""
        programs = problem.kind == "code" and self.scorer is None
        return 2 * self.max_iters - 1 + (0 if programs else self._scoring.calls_on(problem, self.max_iters))

    def _checks(self, problem: Problem, experts: int, attempts: int) -> Estimate:
        if problem.kind == "code" and self.scorer is None:
            return Estimate(0, 0.0, 0, 0)
        return self._scoring.estimate_over(problem, experts, attempts)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Expected: no attempt but the last holds."""
        chains, writing = self._width(experts), int(self._writes(problem))
        one = self._checks(problem, experts, 1)
        checks = self._checks(problem, experts, chains * self.max_iters)
        calls = chains * (2 * self.max_iters - 1) + writing
        return Estimate(
            chains + writing + chains * one.least,
            calls + checks.expected,
            calls + checks.most,
            2 * self.max_iters - 1 + self.max_iters * one.depth,
            chains * self.max_iters,
        )

    def fit(self, calls: int, problem: Problem, experts: int) -> Reflexion | None:
        """The ladder: fewer chains, then fewer attempts, down to one."""
        for attempts in range(self.max_iters, 0, -1):
            for chains in range(self._width(experts) if attempts == self.max_iters else 1, 0, -1):
                form = replace(self, max_iters=attempts, chains=chains)
                if form.estimate(problem, experts).most <= calls:
                    return form
        return None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt of a chain, and what the chain knows by then."""

    candidate: Candidate
    learned: tuple[str, ...] = ()
    """Reflections, the oldest first."""
    dropped: tuple[str, ...] = ()
    """Tests that were called wrong."""

    @property
    def answer(self) -> Answer:
        return Answer(self.candidate.text, self.candidate.answer)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What came of an attempt."""

    holds: bool
    report: str
    """As the model is told."""
    smallest: str = ""
    """The smallest test that it fails."""
    written: bool = False
    """Whether a model wrote the tests."""

    @property
    def doubtful(self) -> bool:
        """Whether the test may be wrong, and not the program."""
        return self.written and bool(self.smallest)


async def _step(step: Callable[[Run], Awaitable[None]], run: Run) -> None:
    await step(run)


def _with(prompt: Prompt, text: str) -> Prompt:
    """The prompt with a paragraph more at its end."""
    *before, message = prompt.messages
    return Prompt((*before, message.with_text(f"{message.text}\n\n{text}")))
