"""Problems that found no expert to ask, and rows that are given up for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.errors import ExpertLost, UnknownModel, WrongKey
from orchestrator.trace import Trace
from orchestrator.types import Expert, Outcome

from .plan import Row

PATIENCE = 8
"""Problems in a row that may come to nothing for the same kind of reason before it is no accident any more."""

_LOST = frozenset(kind.__name__ for kind in (ExpertLost, WrongKey, UnknownModel))


@dataclass(slots=True)
class Stranding:
    """Which rows of a run have nobody left to ask."""

    experts: tuple[Expert, ...]
    """Whom the run asks."""
    rows: int
    gone: dict[str, ExpertLost] = field(default_factory=dict)
    """Rows that have lost all their experts, by name: their open problems have no line."""
    first: ExpertLost | None = None
    """The expert that the first stranded problem wanted."""
    over: ExpertLost | None = None
    """Set once no row and no expert is left."""
    _in_a_row: Counter[str] = field(default_factory=Counter)
    """Stranded problems since the last one that was not, by name of the row."""

    def strands(
        self, row: Row, trace: Trace, outcome: Outcome, lost_by_now: Callable[[], Mapping[str, ExpertLost]]
    ) -> bool:
        """Whether a problem has no outcome for want of an expert; a row whose problems never have one is given up.

        Args:
            lost_by_now: tells the experts that are asked no more, by id.
        """
        reasons = {str(event.facts["error"]) for event in trace.of("lost")}
        if not reasons & _LOST:
            return False
        lost = lost_by_now()
        nobody = all(expert.id in lost for expert in row.experts)
        if not nobody and (outcome.candidates or reasons - _LOST):
            return False
        self._note(row, lost, nobody)
        return True

    def ended(self, row: Row) -> None:
        """A problem of the row has ended with a line."""
        self._in_a_row[row.name] = 0

    def _note(self, row: Row, lost: Mapping[str, ExpertLost], nobody: bool) -> None:
        error = next((lost[expert.id] for expert in row.experts if expert.id in lost), next(iter(lost.values())))
        self.first = self.first or error
        self._in_a_row[row.name] += 1
        if nobody or self._in_a_row[row.name] >= PATIENCE:
            self.gone.setdefault(row.name, error)
        if all(expert.id in lost for expert in self.experts) or len(self.gone) == self.rows:
            self.over = self.over or self.gone[row.name]
