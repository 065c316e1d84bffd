"""Work that is done once for a problem, whoever asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.errors import ExpertError, VerifierError

Result = TypeVar("Result")


@dataclass(slots=True)
class _Task:
    """One piece of work."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    result: tuple[Any] | None = None
    failure: ExpertError | VerifierError | None = None


@dataclass(slots=True)
class Shared:
    """What was done for one problem, by its name."""

    tasks: dict[Hashable, _Task] = field(default_factory=dict)

    async def once(self, what: Hashable, work: Callable[[], Awaitable[Result]]) -> Result:
        """What `work` comes to. The first to come does it, the others wait and are given the same, or its failure.

        A failure of an expert, or of what was made of its replies, is everybody's; whoever was refused or cancelled
        leaves the work to the next.
        """
        task = self.tasks.setdefault(what, _Task())
        async with task.lock:
            if task.failure is not None:
                raise task.failure
            if task.result is None:
                try:
                    task.result = (await work(),)
                except (ExpertError, VerifierError) as error:
                    task.failure = error
                    raise
            result: Result = task.result[0]
            return result
