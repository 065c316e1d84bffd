"""What a program does on tests, told so that its author can mend it: the smallest test that fails, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.sandbox import Asserts, Limits, Stdio, Suite
from orchestrator.sandbox.header import with_header

from ._lists import bulleted
from ._public_tests import told

if TYPE_CHECKING:
    from orchestrator.run import Run
    from orchestrator.sandbox import Execution

_MOST = 8
"""Tests of one sort that are listed."""
_LONGEST_TEST, _LONGEST_END = 1000, 600


@dataclass(frozen=True, slots=True)
class Trial:
    """A program's tests, passed and failed."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]
    smallest: str = ""
    """The smallest test that fails, as it stands."""
    end: str = ""
    """What came of it."""

    @property
    def tests(self) -> int:
        return len(self.passed) + len(self.failed)

    @property
    def all_passed(self) -> bool:
        """Whether there are tests, and all of them are passed."""
        return bool(self.passed) and not self.failed

    def report(self) -> str:
        """As its author is told."""
        parts = [f"It passes {len(self.passed)} of {self.tests} tests."]
        parts += [f"{what}:\n{bulleted(_first(tests))}" for what, tests in self._sorts if tests]
        if self.smallest:
            parts.append(f"The smallest test that fails:\n{_cut(self.smallest, _LONGEST_TEST)}\n{self.end}")
        return "\n\n".join(parts)

    @property
    def _sorts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ("Passed", self.passed), ("Failed", self.failed)


async def tried(program: str, suites: Sequence[Suite], limits: Limits, run: Run) -> Trial:
    """What the program does on the tests of all suites."""
    limits = replace(limits, fail_fast=False)
    whole = with_header(run.problem, program)
    passed: list[str] = []
    failed: list[tuple[Suite, int, Execution]] = []
    for suite in suites:
        execution = await run.sandbox.verify(whole, suite, limits)
        for number, outcome in enumerate(execution.outcomes or (False,) * _size(suite)):
            if outcome is True:
                passed.append(told(suite, number))
            else:
                failed.append((suite, number, execution))
    if not failed:
        return Trial(tuple(passed), ())
    suite, number, execution = min(filter(_ended, failed), key=lambda one: len(_whole(one[0], one[1])))
    if execution.first_failed != number or (isinstance(suite, Stdio) and len(suite.cases) > 1):
        execution = await run.sandbox.verify(whole, _alone(suite, number), limits)
    shown = tuple(told(suite, number) for suite, number, _ in failed)
    return Trial(tuple(passed), shown, _whole(suite, number), _end(whole, execution))


def _ended(failure: tuple[Suite, int, Execution]) -> bool:
    """Whether a test was run: not after another has taken all of the time."""
    _, number, execution = failure
    return number == (execution.first_failed or 0) or execution.outcomes[number : number + 1] == (False,)


def _first(tests: Sequence[str]) -> Iterable[str]:
    more = [f"... and {len(tests) - _MOST} more"] if len(tests) > _MOST else []
    return (*tests[:_MOST], *more)


def _size(suite: Suite) -> int:
    return len(suite.tests if isinstance(suite, Asserts) else suite.cases)


def _alone(suite: Suite, number: int) -> Suite:
    if isinstance(suite, Asserts):
        return replace(suite, tests=(suite.tests[number],))
    if isinstance(suite, Stdio):
        return replace(suite, cases=(suite.cases[number],))
    return replace(suite, cases=(suite.cases[number],))


def _whole(suite: Suite, number: int) -> str:
    """A test with what it expects."""
    if isinstance(suite, Asserts):
        return suite.tests[number].strip()
    if isinstance(suite, Stdio):
        case = suite.cases[number]
        return f"Input:\n{case.input.strip()}\nExpected output:\n{case.output.strip()}"
    call = suite.cases[number]
    return f"{suite.entry}({', '.join(map(repr, call.args))}) should return {call.expected!r}"


def _end(program: str, execution: Execution) -> str:
    """How a test ended, the line that raised what ended it, and what was printed."""
    if execution.verdict == "passed":
        return "What happens: it fails among the other tests, but not by itself."
    lines = program.splitlines()
    number = execution.line
    raised = f"\nIn line {number}: {lines[number - 1].strip()}" if number and number <= len(lines) else ""
    printed = f"\nIt prints:\n{_cut(execution.output.strip(), _LONGEST_END)}" if execution.output.strip() else ""
    return _cut(f"What happens: {execution.verdict}: {execution.detail}", _LONGEST_END) + raised + printed


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2].rstrip()}\n[...]\n{text[-longest // 2 :].lstrip()}"
