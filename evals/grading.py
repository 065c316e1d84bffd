"""Right or wrong: an answer against the reference that only the grader sees."""

from __future__ import annotations

from orchestrator import answers
from orchestrator.answers import game24, strips
from orchestrator.sandbox import Execution, Limits, Sandbox, shared
from orchestrator.sandbox.header import with_header
from orchestrator.types import Json, Problem

from .case import Case
from .execution import verified
from .scoring import Score
from .stub import program_of

_SECONDS = 10.0
_MEMORY_MB = 1024


async def grade(case: Case, answer: str | None, box: Sandbox | None = None, text: str | None = None) -> bool | None:
    """Whether `answer`, as read out of a reply, is right; `None` where the set has nothing to grade against.

    No answer is wrong. A puzzle or a plan is checked by its rules, code by the hidden tests in the sandbox, all else
    against the reference answer; where a set has a rule of its own, what gets all points is right. Only the sandbox
    keeps what it has found: a caller that grades many candidates keeps a `Grader` a case.

    Args:
        box: where programs are run; by default the one that all callers without one share.
        text: the whole reply, where it is known; some sets' own rules look at that.

    Raises:
        BenchmarkError: the hidden tests cannot be read.
        SandboxUnavailable: programs cannot be run here.
    """
    if not case.gradable:
        return None
    if (score := scored(case, answer, text)) is not None:
        return score.full
    if answer is None:
        return False
    match case.problem.kind:
        case "code":
            return (await executed(case, answer, box)).verdict == "passed"
        case "plan":
            return _valid_plan(case.problem, answer)
        case "game24":
            return game24.check(game24.numbers_of(case.problem), answer)
        case _:
            return await answers.same(case.problem, case.reference.answer or "", answer)


def scored(case: Case, answer: str | None, text: str | None = None) -> Score | None:
    """What an answer gets by the set's own rule; `None` where it has none, and answers are right or wrong."""
    rule = case.reference.rule
    return None if rule is None else rule(answer, text)


class Grader:
    """Grades the answers to one case, each different answer once."""

    def __init__(self, case: Case, box: Sandbox | None = None) -> None:
        self._case, self._box = case, box
        self._known: dict[str | None, bool | None] = {}

    async def __call__(self, answer: str | None, text: str | None = None) -> bool | None:
        if self._case.reference.rule is not None:
            return await grade(self._case, answer, self._box, text)
        if answer not in self._known:
            self._known[answer] = await grade(self._case, answer, self._box)
        return self._known[answer]


async def executed(case: Case, answer: str, box: Sandbox | None = None) -> Execution:
    """What the sandbox says of a program; `case` is of kind `code` and has hidden tests.

    Raises:
        BenchmarkError: the hidden tests cannot be read.
        SandboxUnavailable: programs cannot be run here.
    """
    place = box or shared.sandbox()
    tests = case.reference.tests
    suites = tests if isinstance(tests, tuple) else await tests.opened(place)
    return await verified(place, _program(case, answer), suites, _limits(case))


def _program(case: Case, answer: str) -> str:
    entry_point = case.reference.entry_point
    program = answer if entry_point is None else program_of(case.problem.prompt, entry_point, answer)
    return with_header(case.problem, program)


def _limits(case: Case) -> Limits:
    meta = case.reference.meta
    return Limits(
        seconds=_amount(meta.get("timeout"), _SECONDS), memory_mb=int(_amount(meta.get("memory_mb"), _MEMORY_MB))
    )


def _valid_plan(problem: Problem, plan: str) -> bool:
    return strips.validate(str(problem.meta["pddl_domain"]), str(problem.meta["pddl_instance"]), plan).valid


def _amount(value: Json, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
