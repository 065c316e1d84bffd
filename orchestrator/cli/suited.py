"""Problems that a strategy cannot do: told before anybody is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import Unsuited

from .prepared import parts
from .printing import note

if TYPE_CHECKING:
    from orchestrator.evals.plan import Row
    from orchestrator.protocols import Refuses
    from orchestrator.types import Problem

    from .problems import Problems


def check_suited(rows: Sequence[Row], problems: Problems) -> None:
    """Sees that each row can do some problem of the set; notes how many it cannot, which count as wrong.

    The set is read only for strategies that may refuse problems.

    Raises:
        Unsuited: a row can do none, so it would be of no use to anybody.
    """
    for row in rows:
        if choosy := _choosy(row):
            _check(row, choosy, problems)


@dataclass(frozen=True, slots=True)
class _Choosy:
    """A strategy that may refuse problems, with the number of experts that it has."""

    strategy: Refuses
    experts: int

    def refuses(self, problem: Problem) -> str | None:
        return self.strategy.refuses(problem, self.experts)


def _choosy(row: Row) -> list[_Choosy]:
    """The row's strategy and those inside it, which have one expert each, as far as they may refuse problems."""
    from orchestrator.protocols import Refuses
    from orchestrator.registry import build

    made: object = build("strategies", row.strategy)
    return [_Choosy(each, len(row.experts) if each is made else 1) for each in parts(made) if isinstance(each, Refuses)]


def _check(row: Row, choosy: Sequence[_Choosy], problems: Problems) -> None:
    refused, total, first = 0, 0, ""
    for case in problems.cases():
        reason = next(filter(None, (each.refuses(case.problem) for each in choosy)), "")
        refused, total, first = refused + bool(reason), total + 1, first or reason
    if refused == total:
        raise Unsuited(f"{row.name} can do no problem of {problems.name}, and nobody was asked: {first}")
    if refused:
        note(f"{row.name} cannot do {refused} of {total} problems, which count as wrong: {first}")
