"""A run that is interrupted while a batch is out, and the next process, which finds it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.ledger import Scope
from tests.engine import batch_stage
from tests.engine.batch_stage import Depot, Told, asked, engine, journal_at, texts
from tests.engine.stage import Stage

FOUR = [f"q{i} #0 " for i in range(4)]
"""The replies to four calls."""


class Resumed(NamedTuple):
    """What the process that goes on ends with."""

    replies: list[str]
    scope: Scope
    """Of the whole run."""
    paid: float
    """USD that those who asked were told that they paid."""


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What the coroutine returns, on a clock of its own."""
    return batch_stage.run(work)[0]


def interrupted(path: Path, depot: Depot, after: float = 100.0, count: int = 4, age: float = 0.0) -> None:
    """A process that leaves a batch of `count` calls out, which was `age` seconds ago when the next one begins."""

    async def main() -> None:
        async with engine(depot, journal=journal_at(path)) as made:
            asking = asyncio.ensure_future(asked(made, count))
            await asyncio.sleep(after)
            made.stop()
            await asking

    run(main())
    with sqlite3.connect(path) as db:
        db.execute("UPDATE batches SET opened = opened - ?", (age,))


def resumed(path: Path, depot: Depot, live: Stage | None = None, told: Told | None = None, count: int = 4) -> Resumed:
    """The next process: it adopts what is out, and asks for `count` calls."""

    async def main() -> Resumed:
        journal = journal_at(path)
        async with engine(depot, journal=journal, live=live, told=told) as made:
            scope = Scope("run", paid=True, spent=journal.paid + journal.losses.of("run"))
            made.batches.bear(scope)
            landed = await asked(made, count, scope)
            paid = sum(each.paid.usd for each in landed if not isinstance(each, Exception))
            return Resumed(texts(landed), scope, paid)

    found: Resumed = run(main())
    return found
