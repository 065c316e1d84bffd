"""A problem's public tests as suites that can be run, and how one of them is told in a few words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.types import Problem

if TYPE_CHECKING:
    from orchestrator.sandbox import Suite

LONGEST = 100
"""Characters of a test that are told."""


def public_suites(problem: Problem) -> Iterator[Suite]:
    """The asserts as one suite, and one for each way in which the examples call a program.

    Raises:
        VerifierError: an example of the problem cannot be read.
    """
    from orchestrator.errors import VerifierError
    from orchestrator.sandbox import Asserts
    from orchestrator.sandbox.examples import suites_of

    if problem.public_tests:
        entry = str(problem.meta.get("entry_point") or "").partition(".")[0]
        yield Asserts(problem.public_tests, entry or None)
    try:
        yield from suites_of(problem.examples)
    except ValueError as error:
        raise VerifierError(f"problem {problem.id} has an example of a function that is no JSON: {error}") from None


def told(suite: Suite, number: int, longest: int = LONGEST) -> str:
    """Which test of a suite it is, in a few words."""
    from orchestrator.sandbox import Asserts, Stdio

    if isinstance(suite, Asserts):
        text = suite.tests[number].strip().rpartition("\n")[2]
    elif isinstance(suite, Stdio):
        text = f"input {suite.cases[number].input!r}"
    else:
        text = f"{suite.entry}({', '.join(map(repr, suite.cases[number].args))})"
    return text if len(text) <= longest else f"{text[:longest]}..."
