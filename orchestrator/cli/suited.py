"""Problems that a strategy cannot do: told before anybody is paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.errors import Unsuited

from .counting import counted
from .prepared import parts
from .printing import note

if TYPE_CHECKING:
    from orchestrator.evals.plan import Row
    from orchestrator.protocols import Refuses

    from .problems import Problems


def check_suited(rows: Sequence[Row], problems: Problems) -> None:
    """Sees that each row can do some problem of the set; notes how many it cannot, which count as wrong.

    The set is read only for strategies that may refuse problems. Those inside another are taken to have all experts.

    Raises:
        Unsuited: a row can do none, so it would be of no use to anybody.
    """
    for row in rows:
        if choosy := _choosy(row):
            _check(row, choosy, problems)


def _choosy(row: Row) -> list[Refuses]:
    """The row's strategy and those inside it, as far as they may refuse problems."""
    from orchestrator.protocols import Refuses
    from orchestrator.registry import build

    return [each for each in parts(build("strategies", row.strategy)) if isinstance(each, Refuses)]


def _check(row: Row, choosy: Sequence[Refuses], problems: Problems) -> None:
    refused, total, first = 0, 0, ""
    for case in problems.cases():
        reason = next(filter(None, (each.refuses(case.problem, len(row.experts)) for each in choosy)), "")
        refused, total, first = refused + bool(reason), total + 1, first or reason
    if refused == total:
        raise Unsuited(f"{row.name} can do no problem of {problems.name}, and nobody was asked: {first}")
    if refused:
        note(f"{row.name} cannot do {refused} of {counted(total, 'problem')}, which count as wrong: {first}")
