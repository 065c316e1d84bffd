"""Calls that strategies say they will make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Coming:
    """All that was declared and has neither come nor been withdrawn, by expert."""

    calls: Counter[str] = field(default_factory=Counter)

    def declare(self, calls: Mapping[str, int], outer: Declared | None = None) -> Declared:
        """Adds calls by expert id; `outer` is what was declared around them."""
        self.calls.update(calls)
        return Declared(self, dict(calls), outer)


@dataclass(slots=True, eq=False)
class Declared:
    """What one branch has declared; it lasts as long as the branch."""

    coming: Coming
    left: dict[str, int]
    outer: Declared | None = None

    def submitted(self, expert: str) -> None:
        """One of the calls has come; it is counted where it was declared, the innermost first."""
        declared: Declared | None = self
        while declared is not None:
            if declared.left.get(expert, 0) > 0:
                declared.left[expert] -= 1
                self.coming.calls[expert] -= 1
                return
            declared = declared.outer

    def end(self) -> None:
        """The branch has ended: what has not come will not."""
        self.coming.calls.subtract(self.left)
        self.left.clear()
