"""How problems that come together begin: one after the other."""

from __future__ import annotations

import asyncio
from collections import deque


class Doors:
    """Lets one problem begin in a pass of the event loop.

    Were a hundred to begin in one pass, the first of their calls would leave only after all of them are read, and
    whatever else the loop serves would wait as long. Whoever comes alone goes in at once.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False
        """Whether one has begun in this pass."""

    async def enter(self) -> None:
        """Returns when it is one's turn, in the order of calls."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False
