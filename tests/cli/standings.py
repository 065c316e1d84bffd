"""How a run may stand, for displays to show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.cli.standing import LaneStanding, RowStanding, Standing
from orchestrator.evals.runner import Bench

BENCH: Any = object()
"""For a view that does not look at it."""


def row(name: str = "cot", **facts: object) -> RowStanding:
    return replace(RowStanding(name, 3, 0.75, 0, 12, 3400, 0.0, False), **facts)  # type: ignore[arg-type]


def lane(expert: str = "openai/m", **facts: object) -> LaneStanding:
    return replace(LaneStanding(expert, 4, 2, ""), **facts)  # type: ignore[arg-type]


def standing(**facts: object) -> Standing:
    made = Standing(
        name="toy", done=3, total=10, each=10, seconds=42.0, eta=98.0, calls=12, tokens=3400, usd=0.0, caps="",
        running=4, rows=(row(),), lanes=(lane(),), ending="",
    )  # fmt: skip
    return replace(made, **facts)  # type: ignore[arg-type]


class Still:
    """A bench that stands as it is told to, for displays to look at."""

    def __init__(self) -> None:
        self.standing, self.now = standing(), 0.0

    def of(self, work: Bench) -> Standing:
        return self.standing
