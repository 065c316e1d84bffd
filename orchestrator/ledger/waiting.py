"""Waiting for room in a scope."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from .amount import Amount
from .scope import Scope

if TYPE_CHECKING:
    from .claim import Claim

T = TypeVar("T")


async def admitted(ask: Callable[[], T | Scope], wait: Callable[[Scope], Awaitable[None]]) -> T:
    """What `ask` gives once no scope holds it back, each turn that it is given being handed on when it was taken.

    Raises:
        BudgetExceeded: as `ask` does.
    """
    turn: Scope | None = None
    while True:
        try:
            got = ask()
        finally:
            if turn is not None:
                turn.stir()
        if not isinstance(got, Scope):
            return got
        await wait(got)
        turn = got


async def room(
    scope: Scope,
    priority: tuple[int, ...],
    need: Amount,
    claim: Claim | None = None,
    early: dict[Callable[[], None], None] | None = None,
) -> None:
    """Returns once `need` may fit into `scope`, or never can; whoever waited must try again then, and stir it after.

    Args:
        early: meanwhile holds what wakes the one who waits here, for whoever learns that it needs less.
    """
    freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    wakers = {} if early is None else early

    def wake() -> None:
        parked.leave()
        if not freed.done():
            freed.set_result(None)

    parked = scope.park(priority, need, wake, claim)
    wakers[wake] = None
    try:
        await freed
    except asyncio.CancelledError:
        foremost = parked.leave()
        if foremost or (freed.done() and not freed.cancelled()):
            # Others kept behind it, or it was woken and does not take its turn: that is the next one's now.
            scope.stir()
        raise
    finally:
        del wakers[wake]
