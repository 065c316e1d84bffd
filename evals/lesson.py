"""Cases as lessons: problems whose answers a strategy that is being prepared may learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.lessons import Lesson

from .case import Case
from .grading import grade

if TYPE_CHECKING:
    from orchestrator.sandbox import Sandbox


def lesson_of(case: Case, box: Sandbox | None = None) -> Lesson:
    """The lesson that a case is; answers are checked as a benchmark grades them, hidden tests included.

    Args:
        box: where programs are run; by default the one that all callers without one share.

    Raises:
        ConfigError: nothing tells right answers from wrong ones.
    """
    check = partial(_right, case, box) if case.gradable else None
    return Lesson(case.problem, case.reference.answer, check)


def lessons_of(cases: Iterable[Case], box: Sandbox | None = None) -> Iterator[Lesson]:
    """Lessons of the cases that can be graded; the others are left out."""
    return (lesson_of(case, box) for case in cases if case.gradable)


async def _right(case: Case, box: Sandbox | None, answer: str) -> bool:
    return bool(await grade(case, answer, box))
