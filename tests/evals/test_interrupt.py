"""Signals as calls on the event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from orchestrator.evals.interrupt import on_interrupt

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


async def sent(number: int) -> None:
    """Sends a signal to this process and lets the loop take it."""
    os.kill(os.getpid(), number)
    for _ in range(3):
        await asyncio.sleep(0)


@BOTH
async def test_the_first_and_the_second_have_calls_of_their_own(number: int) -> None:
    calls: list[str] = []
    with on_interrupt(lambda: calls.append("first"), lambda: calls.append("again")):
        await sent(number)
        assert calls == ["first"]
        await sent(number)
    assert calls == ["first", "again"]


async def test_either_signal_counts() -> None:
    calls: list[str] = []
    with on_interrupt(lambda: calls.append("first"), lambda: calls.append("again")):
        await sent(signal.SIGTERM)
        await sent(signal.SIGINT)
    assert calls == ["first", "again"]


@BOTH
async def test_the_third_does_what_it_did_before(number: int) -> None:
    calls: list[str] = []
    before = signal.signal(number, lambda *_: calls.append("before"))
    try:
        with on_interrupt(lambda: calls.append("first"), lambda: calls.append("again")):
            for _ in range(3):
                await sent(number)
        await sent(number)
    finally:
        signal.signal(number, before)
    assert calls == ["first", "again", "before", "before"]


def test_outside_the_main_thread_nothing_changes() -> None:
    before, done = signal.getsignal(signal.SIGINT), list[bool]()

    async def main() -> None:
        with on_interrupt(lambda: None, lambda: None):
            done.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
    assert done == [True]
