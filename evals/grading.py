"""Right or wrong: an answer against the reference that only the grader sees."""

from __future__ import annotations

import re

from orchestrator import answers
from orchestrator.answers import game24, strips
from orchestrator.sandbox import run_tests
from orchestrator.types import Json, Problem

from .case import Case

_SECONDS = 10.0
_MEMORY_MB = 1024


async def grade(case: Case, answer: str | None) -> bool | None:
    """Whether `answer`, as read out of a reply, is right; `None` where the set has nothing to grade against.

    No answer is wrong. A puzzle or a plan is checked by its rules, code by the hidden tests in the sandbox, all else
    against the reference answer. Nothing is cached: a caller that grades many candidates keeps a `Grader` a case.

    Raises:
        SandboxUnavailable: programs cannot be run here.
    """
    if not case.gradable:
        return None
    if answer is None:
        return False
    match case.problem.kind:
        case "code":
            return await _passes(case, answer)
        case "plan":
            return _valid_plan(case.problem, answer)
        case "game24":
            return game24.check(game24.numbers_of(case.problem), answer)
        case _:
            return await answers.same(case.problem, case.reference.answer or "", answer)


class Grader:
    """Grades the answers to one case, each different answer once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._known: dict[str | None, bool | None] = {}

    async def __call__(self, answer: str | None) -> bool | None:
        if answer not in self._known:
            self._known[answer] = await grade(self._case, answer)
        return self._known[answer]


async def _passes(case: Case, answer: str) -> bool:
    reference = case.reference
    program, tests = answer, reference.tests or ""
    if reference.entry_point is not None:
        program = program_of(case.problem.prompt, reference.entry_point, answer)
        tests = _with_call(tests, reference.entry_point)
    execution = await run_tests(
        program,
        tests,
        timeout=_amount(reference.meta.get("timeout"), _SECONDS),
        memory_mb=int(_amount(reference.meta.get("memory_mb"), _MEMORY_MB)),
    )
    return execution.verdict == "passed"


def program_of(prompt: str, entry_point: str, answer: str) -> str:
    """The program to run where the prompt is the stub of a function.

    An answer that defines the function is run behind what the stub has before it (imports, other functions), as the
    prompt promises these names; any other answer is taken as the function's body. Without a stub: the answer itself.
    """
    start = re.search(rf"^def\s+{re.escape(entry_point)}\b", prompt, re.MULTILINE)
    if start is None:
        return answer
    name = re.escape(entry_point)
    if not re.search(rf"^(async\s+def|def|class)\s+{name}\b|^{name}\s*=", answer, re.MULTILINE):
        return f"{prompt.rstrip()}\n{answer}"
    head = prompt[: start.start()].strip()
    return answer if "from __future__" in answer or not head else f"{head}\n\n\n{answer}"


def _with_call(tests: str, entry_point: str) -> str:
    """HumanEval's tests define `check` and leave the call to the grader."""
    defined = re.search(r"^def check\(", tests, re.MULTILINE)
    called = re.search(r"^check\(", tests, re.MULTILINE)
    return f"{tests}\ncheck({entry_point})\n" if defined and not called else tests


def _valid_plan(problem: Problem, plan: str) -> bool:
    return strips.validate(str(problem.meta["pddl_domain"]), str(problem.meta["pddl_instance"]), plan).valid


def _amount(value: Json, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
