"""Ctrl-C, and what a supervisor sends to end a process, as calls on the event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_interrupt(first: Callable[[], None], again: Callable[[], None]) -> Iterator[None]:
    """While inside, the first SIGINT or SIGTERM calls `first`, the second `again`; a third does what it did before.

    Where signals cannot be handled (not the main thread) nothing changes.
    """
    loop = asyncio.get_running_loop()
    steps = iter((first, again))
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def step() -> None:
        if (call := next(steps, None)) is not None:
            call()
        if call is again:
            _restore(loop, before)

    try:
        for number in SIGNALS:
            loop.add_signal_handler(number, step)
    except (NotImplementedError, RuntimeError):
        yield
        return
    try:
        yield
    finally:
        _restore(loop, before)


def _restore(loop: asyncio.AbstractEventLoop, before: Mapping[signal.Signals, object]) -> None:
    for number, handler in before.items():
        if loop.remove_signal_handler(number) and handler is not None:
            signal.signal(number, handler)  # type: ignore[arg-type]
