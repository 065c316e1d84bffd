"""The tasks of an engine, in one group that ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Self


class Tasks:
    """Owns every task that is started through it; an async context manager, which cancels what is left."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        for task in tuple(self.running):
            self.cancel(task)
        await self._group.__aexit__(None, None, None)

    def start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return task

    def cancel(self, task: asyncio.Task[None]) -> None:
        # Not at once: a task that is cancelled before its first step never gets to give back what it holds.
        self._loop.call_soon(task.cancel)
