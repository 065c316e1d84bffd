"""A problem that was read, with what is worked out about it once and for all."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

from orchestrator import answers
from orchestrator.types import Problem

from .family import Task, Worked

MISTAKES = 12
"""Mistakes that are known for each problem; equal ones among them are likelier than others."""


def number(*parts: object) -> int:
    """64 bits that are a function of the parts alone, in every process and on every machine."""
    text = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Known:
    """A task, its solution, and the mistakes that are made with it."""

    family: str
    task: Task
    _mistakes: dict[int, Worked] = field(default_factory=dict)

    @cached_property
    def solution(self) -> Worked:
        return self.task.solve()

    @cached_property
    def key(self) -> int:
        """What tells this problem from others, whatever it is called."""
        return number(self.family, *self.solution.steps, self.solution.answer)

    def worked(self, mistake: int | None) -> Worked:
        """The solution, or what it becomes with one of the known mistakes."""
        if mistake is None:
            return self.solution
        if mistake not in self._mistakes:
            self._mistakes[mistake] = self.task.solve(random.Random(number(self.key, "mistake", mistake)))
        return self._mistakes[mistake]

    def outline(self, mistake: int | None) -> tuple[str, ...]:
        """The steps without those that give the answer away, all of them if none would be left."""
        worked = self.worked(mistake)
        return tuple(step for step in worked.steps if not _gives_away(step, worked.answer)) or worked.steps

    @cached_property
    def observations(self) -> tuple[str, ...]:
        """True remarks, the task's own first, then the early steps of the solution."""
        return tuple(dict.fromkeys((*self.task.observations(), *self.outline(None))))

    @cached_property
    def outlined(self) -> tuple[tuple[int | None, frozenset[str]], ...]:
        """The steps of the solution and of each mistake, for recognising them in a text."""
        return tuple((which, frozenset(self.outline(which))) for which in (None, *range(MISTAKES)))

    def answer_in(self, text: str) -> str | None:
        """The answer that a reply of somebody else gives."""
        options: Mapping[str, str] = getattr(self.task, "options", {})
        problem = Problem("", (), kind=self.task.kind, options=tuple(options.values()))
        reading = answers.read_now(problem, text)
        return reading.value if reading else None

    def right(self, text: str) -> bool | None:
        """Whether a reply's answer is right; `None` where it gives none."""
        answer = self.answer_in(text)
        return None if answer is None else self.task.right(answer)

    def recognised(self, text: str) -> int | None:
        """The mistake that a reply's answer comes from, `None` for the right answer; -1: it is none of these."""
        answer = self.answer_in(text)
        if answer is None:
            return -1
        if self.task.right(answer):
            return None
        return next((which for which in range(MISTAKES) if self.worked(which).answer.strip() == answer.strip()), -1)


def _gives_away(step: str, answer: str) -> bool:
    if len(answer) == 1 and answer.isalpha():
        return f"({answer})" in step
    return re.search(rf"(?<![\w.]){re.escape(answer)}(?![\w]|\.\d)", step) is not None
