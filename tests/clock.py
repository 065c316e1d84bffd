"""A loop whose time is virtual: when nothing can run, it jumps to the next timer instead of waiting.

    result, seconds = run_virtual(main())          # an hour of back-off in a millisecond

Sockets within the test's own process work (loopback answers before time moves), `run_in_executor` is waited for in
real time, and so are other threads where the test says when they are busy. For state machines whose rules own the
clock there is `VirtualClockLoop(auto=False)` with `settle()` and `advance(seconds)`.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

PATIENCE = 2.0
"""Real seconds without any event, while sockets or threads might still bring one, before a standstill is called one."""


class Deadlock(AssertionError):
    """Nothing can run, no timer is set, and nothing from outside is awaited."""


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own.

    Args:
        start: what `time()` says first.
        busy: whether a thread that the loop does not know still works on something for it.
        grace: real seconds granted before each jump to sockets, and to threads younger than the loop.
        auto: jump to the next timer by itself; otherwise only `advance` moves time.
    """

    def __init__(
        self,
        start: float = 0.0,
        *,
        busy: Callable[[], bool] = lambda: False,
        grace: float = 0.002,
        auto: bool = True,
    ) -> None:
        self._now, self._limit = start, float("inf") if auto else start
        self._busy, self._grace, self._auto, self._working = busy, grace, auto, 0
        self._old_threads = frozenset(threading.enumerate())
        super().__init__(_VirtualSelector(self))

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._working += 1
        future.add_done_callback(self._worked)
        return future

    async def shutdown_default_executor(self, *timeout: Any) -> None:
        self._working += 1
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self._working -= 1

    def _worked(self, future: asyncio.Future[Any]) -> None:
        self._working -= 1

    def settle(self) -> None:
        """Runs everything that can run now; time stands still."""
        self.advance(0.0)

    def advance(self, seconds: float) -> None:
        """Lets `seconds` pass: every timer due by then fires at its own time."""
        if self._auto:
            raise RuntimeError("this loop moves its clock by itself; build it with auto=False")
        self._limit = self._now + seconds
        self.run_forever()

    def _wait(self, selector: selectors.BaseSelector, timeout: float | None) -> list[Any]:
        """The selector's `select`, in virtual time."""
        events = selector.select(0)
        if events or timeout == 0:
            return events
        idle_since = time.monotonic()
        while self._outside(selector, idle_since, timeout):
            if events := selector.select(min(self._grace, 0.02) or 0.001):
                return events
        if timeout is not None and self._now + timeout <= self._limit + 1e-9:
            self._jump(timeout)
        elif self._limit != float("inf"):
            self._now = max(self._now, self._limit)
            self.stop()
        else:
            raise Deadlock(_standstill(self))
        return []

    def _jump(self, seconds: float) -> None:
        """Moves time. A sum that falls short of the next timer by a rounding error would fire it before its time,
        and whoever looks at the clock then and sets the timer again would do so for ever."""
        self._now += seconds
        scheduled: list[asyncio.TimerHandle] = getattr(self, "_scheduled", [])
        if scheduled and 0 < scheduled[0].when() - self._now < 1e-6:
            self._now = scheduled[0].when()

    def _outside(self, selector: selectors.BaseSelector, since: float, timeout: float | None) -> bool:
        """Whether an event may still come from outside the loop before time may move."""
        if self._working or self._busy():
            return True
        foreign = len(selector.get_map()) > 1 or not self._old_threads.issuperset(threading.enumerate())
        patience = PATIENCE if timeout is None and self._auto else self._grace
        return foreign and time.monotonic() - since < patience


class _VirtualSelector(selectors.BaseSelector):
    """The platform's selector, asked through the loop's clock."""

    def __init__(self, loop: VirtualClockLoop) -> None:
        self._loop, self._real = loop, selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[Any]:
        return self._loop._wait(self._real, timeout)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


def run_virtual(
    coroutine: Coroutine[Any, Any, T], *, busy: Callable[[], bool] = lambda: False, grace: float = 0.002
) -> tuple[T, float]:
    """What the coroutine returns, and the virtual seconds that it took.

    Raises:
        Deadlock: it can never end; the message lists the pending tasks and where each waits.
    """
    loop = VirtualClockLoop(busy=busy, grace=grace)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(coroutine), loop.time()


def route_time(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Gives `modules` (asyncio-throttle's and tenacity's, if none) a `time` that reads the running loop's clock.

    These libraries read `time.monotonic` themselves; without a running loop they keep real time.
    """
    routed = SimpleNamespace(**vars(time))
    routed.monotonic = routed.perf_counter = _loop_time
    for name in modules or ("asyncio_throttle.throttler", "tenacity"):
        __import__(name)
        monkeypatch.setattr(sys.modules[name], "time", routed)


def _loop_time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


def _standstill(loop: asyncio.AbstractEventLoop) -> str:
    lines = ["nothing can run, no timer is set, and these tasks wait:"]
    for task in sorted(asyncio.all_tasks(loop), key=lambda t: t.get_name()):
        frames = task.get_stack()
        where = (
            f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno} in {frames[-1].f_code.co_qualname}"
            if frames
            else "?"
        )
        lines.append(f"  {task.get_name()}: {where}")
    return "\n".join(lines)
