"""Seconds: when they are over, and what happens then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from orchestrator.ledger import Scope


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a scope's seconds are over, by the clock of the running loop."""

    scope: Scope
    at: float

    @classmethod
    def after(cls, scope: Scope, start: float) -> Deadline | None:
        """That of a scope which opened at `start`; `None` where its seconds are not capped."""
        seconds = scope.budget.seconds
        return None if seconds is None else cls(scope, start + seconds)

    @property
    def passed(self) -> bool:
        return self.scope.over or asyncio.get_running_loop().time() >= self.at


def earliest(*deadlines: Deadline | None) -> Deadline | None:
    """The one that passes first; `None` where there is none."""
    return min((one for one in deadlines if one is not None), key=lambda one: one.at, default=None)


class within:
    """Ends what is inside when a deadline passes; the scope then admits nothing more.

    Raises:
        BudgetExceeded: naming the scope.
    """

    def __init__(self, deadline: Deadline | None) -> None:
        self._deadline = deadline
        self._timeout = asyncio.timeout_at(deadline.at if deadline else None)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        if self._deadline is not None:
            # Closed before the cancellation arrives, so that whoever is cancelled can tell why.
            close = self._deadline.scope.close
            self._timer = asyncio.get_running_loop().call_at(self._deadline.at, close)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            assert self._deadline is not None
            raise self._deadline.scope.close() from None
