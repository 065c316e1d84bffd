"""A device that is taken when somebody first asks for it, and given back once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .device import Device


class Taking:
    """Takes a device in a thread, as that imports what takes seconds; nothing is imported before.

    Whoever asks may stop waiting: the thread goes on, and what it has taken is there for the next, or given back.
    """

    def __init__(self, take: Callable[[], Device]) -> None:
        self._take = take
        self._taken: asyncio.Future[Device] | None = None

    async def taken(self) -> Device:
        """The device, the same for all who ask; after a failure the next one tries again."""
        if self._taken is None or _failed(self._taken):
            self._taken = asyncio.get_running_loop().run_in_executor(None, self._take)
        return await asyncio.shield(self._taken)

    async def release(self) -> None:
        """Gives the device back if it was taken, also where nobody has waited for it to the end."""
        taken, self._taken = self._taken, None
        if taken is None:
            return
        await asyncio.wait([taken])
        if not _failed(taken):
            await taken.result().release()


def _failed(taken: asyncio.Future[Device]) -> bool:
    return taken.done() and (taken.cancelled() or taken.exception() is not None)
