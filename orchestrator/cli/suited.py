"""Problems that a strategy cannot do: told before anybody is paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.errors import Unsuited

from .prepared import parts
from .printing import note

if TYPE_CHECKING:
    from orchestrator.protocols import Refuses

    from .problems import Problems


def check_suited(strategies: Sequence[str], problems: Problems) -> None:
    """Sees that each strategy can do some problem of the set; notes how many it cannot, which count as wrong.

    The set is read only for strategies that may refuse problems.

    Args:
        strategies: specs.

    Raises:
        Unsuited: one can do none, so its row would be of no use to anybody.
    """
    for spec in strategies:
        if choosy := _choosy(spec):
            _check(spec, choosy, problems)


def _choosy(spec: str) -> list[Refuses]:
    """The strategy and those inside it, as far as they may refuse problems."""
    from orchestrator.protocols import Refuses
    from orchestrator.registry import build

    return [part for part in parts(build("strategies", spec)) if isinstance(part, Refuses)]


def _check(spec: str, choosy: Sequence[Refuses], problems: Problems) -> None:
    refused, total, first = 0, 0, ""
    for case in problems.cases():
        reason = next(filter(None, (part.refuses(case.problem) for part in choosy)), "")
        refused, total, first = refused + bool(reason), total + 1, first or reason
    if refused == total:
        raise Unsuited(f"{first}. None of the {total} problems of {problems.name} is for {spec}, so nobody was asked")
    if refused:
        note(f"{spec} cannot do {refused} of {total} problems, which count as wrong: {first}")
