"""Calls that strategies say they will make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Coming:
    """All that was declared and has neither come nor been withdrawn, by expert."""

    calls: Counter[str] = field(default_factory=Counter)
    _problems: dict[Hashable, Counter[str]] = field(default_factory=dict)

    def declare(self, calls: Mapping[str, int], outer: Declared | None = None, problem: Hashable = None) -> Declared:
        """Adds calls by expert id; `outer` is what was declared around them."""
        self.add(problem, calls)
        return Declared(self, dict(calls), outer, problem)

    def of(self, problem: Hashable) -> Counter[str]:
        """What is to come of one problem."""
        return self._problems.get(problem, Counter())

    def add(self, problem: Hashable, calls: Mapping[str, int]) -> None:
        own = self._problems.setdefault(problem, Counter())
        for counter in (self.calls, own):
            counter.update(calls)

    def remove(self, problem: Hashable, calls: Mapping[str, int]) -> None:
        own = self._problems[problem]
        for counter in (self.calls, own):
            counter.subtract(calls)
        if not own.total():
            del self._problems[problem]


@dataclass(slots=True, eq=False)
class Declared:
    """What one branch has declared; it lasts as long as the branch."""

    coming: Coming
    left: dict[str, int]
    outer: Declared | None = None
    problem: Hashable = None

    def submitted(self, expert: str) -> bool:
        """A call has come; where it was declared it is counted, the innermost first. Whether it was."""
        declared: Declared | None = self
        while declared is not None:
            if declared.left.get(expert, 0) > 0:
                declared.left[expert] -= 1
                self.coming.remove(declared.problem, {expert: 1})
                return True
            declared = declared.outer
        return False

    def end(self) -> None:
        """The branch has ended: what has not come will not."""
        left, self.left = {expert: number for expert, number in self.left.items() if number}, {}
        if left:
            self.coming.remove(self.problem, left)
