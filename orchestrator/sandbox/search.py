"""Many programs for one suite: verdicts in the order in which they come, hopeless ones put back to the end."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from .execution import Execution
from .packing import Packed
from .suites import Limits

if TYPE_CHECKING:
    from .box import Sandbox

_AHEAD = 4
"""Programs under way for each worker."""
SLICE = 0.1
"""CPU seconds that a program has before it is put back, where there is patience at all."""
_WALL = 3.0
"""Wall seconds that it has before, if it waits or the machine is busy."""


class Search:
    """Runs programs until all have their verdicts, or enough have passed."""

    def __init__(
        self, box: Sandbox, programs: Sequence[str], suite: Packed, limits: Limits, stop_after_passes: int | None
    ) -> None:
        self._box, self._programs, self._suite, self._limits = box, programs, suite, limits
        self._stop, self._passes = stop_after_passes, 0
        self._loop = asyncio.get_running_loop()
        self._landed: asyncio.Queue[tuple[int, Future[Execution]]] = asyncio.Queue()
        self._out: dict[int, Future[Execution]] = {}
        self._slice = None if limits.patience is None or limits.seconds <= SLICE else SLICE

    async def results(self) -> AsyncIterator[tuple[int, Execution]]:
        """Index and verdict of each program."""
        put_back: dict[int, Execution] = {}
        first = self._limits if self._slice is None else self._sliced(self._slice)
        to_come = iter(range(len(self._programs)))
        self._fill(to_come, first)
        while self._out:
            index, execution = await self._next()
            self._fill(to_come, first)
            if self._slice is not None and execution.verdict == "timeout":
                put_back[index] = execution
                continue
            yield index, execution
            if self._is_enough(execution):
                return
        async for result in self._rest(put_back):
            yield result

    async def _rest(self, put_back: dict[int, Execution]) -> AsyncIterator[tuple[int, Execution]]:
        """Those that took longer than a slice, now that it is known how long a right one takes.

        Where a slice is all that patience leaves them, they have had it.
        """
        over = [index for index, execution in put_back.items() if self._has_had_all(execution)]
        for index in over:
            yield index, put_back.pop(index)
        to_come = iter(put_back)
        self._fill(to_come, self._limits)
        while self._out:
            index, execution = await self._next()
            self._fill(to_come, self._limits)
            yield index, execution
            if self._is_enough(execution):
                return

    def _has_had_all(self, execution: Execution) -> bool:
        slowest = self._box.slowest(self._suite)
        patience = self._limits.patience
        assert patience is not None
        return slowest is not None and patience * slowest <= SLICE <= execution.cpu_seconds

    def _is_enough(self, execution: Execution) -> bool:
        """Whether so many have passed that nobody wants the rest, which is ended then."""
        self._passes += execution.verdict == "passed"
        if self._stop is None or self._passes < self._stop:
            return False
        self.leave()
        return True

    def _fill(self, to_come: Iterator[int], limits: Limits) -> None:
        """Starts programs until enough are under way: the workers are busy, and little is begun in vain."""
        for index in itertools.islice(to_come, max(0, self._box.workers * _AHEAD - len(self._out))):
            self._start(index, limits)

    def _sliced(self, seconds: float) -> Limits:
        wall = min(self._limits.wall_seconds, _WALL)
        return replace(self._limits, seconds=seconds, wall=wall, patience=None)

    def _start(self, index: int, limits: Limits) -> None:
        waiter = self._box.ask(self._programs[index], self._suite, limits)
        self._out[index] = waiter
        waiter.add_done_callback(lambda done: self._tell(index, done))

    def _tell(self, index: int, done: Future[Execution]) -> None:
        if not done.cancelled() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._landed.put_nowait, (index, done))

    async def _next(self) -> tuple[int, Execution]:
        index, done = await self._landed.get()
        self._out.pop(index, None)
        return index, done.result()

    def leave(self) -> None:
        """Nobody wants the rest."""
        out, self._out = self._out, {}
        for waiter in out.values():
            self._box.drop(waiter)
