"""A strategy with a setup, installed as a stranger's package would be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TAUGHT = '''
"""Knows which of its problems were easy."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator import ConfigError, Estimate, Lesson, Problem, Run, Strategy, Workshop, strategy


@strategy
@dataclass(frozen=True)
class Taught:
    """Answers once."""

    rounds: int = 1
    book: Path | None = None
    inner: Strategy | None = None

    async def __call__(self, problem: Problem, run: Run) -> None:
        run.emit(await run.read(await run.generate(problem.ask(run.prompts("cot").answer))))

    async def prepare(self, lessons: Sequence[Lesson], workshop: Workshop) -> str:
        if len(lessons) < 2:
            raise ConfigError("taught learns nothing from fewer than 2 problems")
        right = [0] * len(lessons)
        for draw in range(self.rounds):
            for i, one in enumerate(await workshop.map(self._right, lessons, draw=draw)):
                right[i] += bool(one)
        return json.dumps({"right": right, "seen": [lesson.mark for lesson in lessons]})

    def preparation(self, lessons: int, experts: int) -> Estimate:
        calls = self.rounds * lessons
        return Estimate(calls, float(calls), calls, self.rounds)

    @property
    def seen(self) -> Collection[str]:
        return [] if self.book is None else json.loads(self.book.read_text())["seen"]

    @staticmethod
    async def _right(lesson: Lesson, run: Run) -> bool:
        return await lesson.right(await run.read(await run.generate(lesson.problem.ask(run.prompts("cot").answer))))
'''


@pytest.fixture
def taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a strategy with a setup: it asks each of its experts about every problem."""
    site = tmp_path / "site"
    info = site / "taught-1.dist-info"
    info.mkdir(parents=True)
    (site / "taught_strategy.py").write_text(TAUGHT)
    (info / "METADATA").write_text("Name: taught\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[orchestrator.strategies]\ntaught = taught_strategy:Taught\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "taught_strategy", raising=False)
    return "taught"
