"""When a failed attempt is made again, and after how long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.errors import ExpertError, RateLimited

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential pauses with full jitter; a server's Retry-After wins when it is longer.

    A 429 is no failure of the request, so it does not count among `attempts`; `deadline` bounds it. Seconds.
    """

    attempts: int = 6
    deadline: float = 900.0
    first_pause: float = 0.5
    longest_pause: float = 30.0


class Pause:
    """One delay that all requests of a failed attempt share, so that they leave again as a group."""

    def __init__(self) -> None:
        self._over: asyncio.Future[None] | None = None

    async def wait(self, seconds: float) -> None:
        """Sleeps until the pause is over; the first to come says how long it is."""
        loop = asyncio.get_running_loop()
        if self._over is None:
            self._over = loop.create_future()
            loop.call_later(seconds, self._end)
        await asyncio.shield(self._over)

    def _end(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)


@dataclass(slots=True)
class Tries:
    """What one request has behind it."""

    policy: RetryPolicy
    clock: Callable[[], float]
    began: float = field(init=False)
    failures: int = 0

    def __post_init__(self) -> None:
        self.began = self.clock()

    def over(self, state: RetryCallState) -> bool:
        """Whether the attempt that just failed was the last, also because the next would come too late."""
        if not isinstance(_error(state), RateLimited):
            self.failures += 1
        late = self.clock() - self.began + state.upcoming_sleep >= self.policy.deadline
        return late or self.failures >= self.policy.attempts


def retrying(policy: RetryPolicy, rng: random.Random) -> AsyncRetrying:
    """The policy as tenacity runs it.

    Take a `copy()` for each request, with its own `Tries`: one shared object fails under concurrency.
    """
    from tenacity import AsyncRetrying, retry_if_exception

    return AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, ExpertError) and error.retried),
        wait=lambda state: pause_after(policy, rng, state),
        reraise=True,
    )


def pause_after(policy: RetryPolicy, rng: random.Random, state: RetryCallState) -> float:
    """Seconds until the next attempt."""
    error = _error(state)
    asked = error.retry_after if isinstance(error, ExpertError) and error.retry_after else 0.0
    if asked and isinstance(error, RateLimited):
        return asked
    steps = min(state.attempt_number - 1, 16)
    pause: float = rng.uniform(0.5, 1.0) * min(policy.longest_pause, policy.first_pause * 2**steps)
    return max(pause, asked)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
