"""Where strategies are prepared: many problems with known answers, one engine, one wallet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from . import conduct
from .conduct import Setting
from .errors import ExpertError
from .ledger import Scope
from .lessons import Lesson
from .run import Run, Table
from .run.failures import plain
from .trace import Trace
from .types import Candidate, Expert, Problem, Usage

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workshop:
    """Asks about lessons; every call is journalled, metered and admitted like those of any run.

    Args:
        setting: the experts, roles and engine.
        scope: what the preparation may spend.
        seed: of everything random in it.
    """

    def __init__(self, setting: Setting, scope: Scope, seed: int = 0) -> None:
        self.experts, self.seed, self.scope = setting.experts, seed, scope
        self._setting = setting
        self._tables: list[Table] = []

    def role(self, name: str, otherwise: Expert | None = None) -> Expert:
        """The expert given for a role, else `otherwise`, else the first."""
        return self._setting.roles.get(name, otherwise or self.experts[0])

    @property
    def usage(self) -> Usage:
        """What was used so far."""
        return sum((table.meter.usage for table in self._tables), Usage())

    async def map(
        self,
        fn: Callable[[Lesson, Run], Awaitable[Result]],
        lessons: Sequence[Lesson],
        *,
        expert: Expert | None = None,
        draw: int = 0,
    ) -> list[Result | None]:
        """Calls `fn(lesson, run)` for all lessons at once, each with a run of its own; results in order.

        `None` stands where experts failed. What runs emit is dropped: a function returns what it has found.

        Args:
            expert: the only one that these runs ask, roles apart; `None`: they have all.
            draw: salts the requests, so that a repeat with another number is an independent sample.

        Raises:
            BudgetExceeded: a cap ended the preparation.
            ExpertError: experts failed on every lesson.
        """
        return await self.each(fn, [(lesson.problem, lesson) for lesson in lessons], expert=expert, draw=draw)

    async def each(
        self,
        fn: Callable[[Item, Run], Awaitable[Result]],
        items: Sequence[tuple[Problem, Item]],
        *,
        expert: Expert | None = None,
        draw: int = 0,
    ) -> list[Result | None]:
        """The same for anything else that belongs to a problem, which runs then ask about."""
        experts = self.experts if expert is None else (expert,)
        tables = [self._table(turn, draw) for turn in range(len(items))]
        lost: list[ExpertError] = []

        async def work(problem: Problem, item: Item, table: Table) -> Result | None:
            run = Run(table, problem, experts, self.scope, _drop, strategy="prepare", expert=expert)
            try:
                return await fn(item, run)
            except Exception as error:
                found = plain(error)
                if not isinstance(found, ExpertError):
                    raise found from (None if found is not error else error.__cause__)
                lost.append(found)
                return None
            finally:
                run.end()

        try:
            async with asyncio.TaskGroup() as group:
                pairs = zip(items, tables, strict=True)
                tasks = [group.create_task(work(problem, item, table)) for (problem, item), table in pairs]
        except ExceptionGroup as error:
            raise conduct.plain(error) from None
        if items and len(lost) == len(items):
            raise lost[0]
        return [task.result() for task in tasks]

    def _table(self, turn: int, draw: int) -> Table:
        setting, trace = self._setting, Trace(asyncio.get_running_loop().time)
        salt = f"seed={self.seed}" + (f"/{draw}" if draw else "")
        table = Table(
            setting.engine, trace, self.seed, salt, setting.roles, setting.fallbacks, turn, setting.sandbox,
            setting.prompts,
        )  # fmt: skip
        self._tables.append(table)
        return table


def _drop(candidate: Candidate) -> None:
    """Nobody waits for candidates here."""
