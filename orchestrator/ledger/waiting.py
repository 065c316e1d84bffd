"""Waiting for room in a scope."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .amount import Amount
from .scope import Scope

if TYPE_CHECKING:
    from .claim import Claim


async def room(scope: Scope, priority: tuple[int, ...], need: Amount, claim: Claim | None = None) -> None:
    """Returns once `need` may fit into `scope`, or never can; whoever waited must try again then."""
    freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not freed.done():
            freed.set_result(None)

    parked = scope.park(priority, need, wake, claim)
    try:
        await freed
    except asyncio.CancelledError:
        parked.leave()
        if freed.done() and not freed.cancelled():
            # It was woken and does not take its turn: that is the next one's now.
            scope.stir()
        raise
