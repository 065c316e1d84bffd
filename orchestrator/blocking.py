"""Async work from code that is not async."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end, in a thread of its own where a loop is running here already, as in a notebook.

    An interrupt there cancels the work before it is passed on: what goes on unseen would cost money.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()
    result: Future[T] = Future()
    args = (_follow, work, started, result)
    thread = threading.Thread(target=copy_context().run, args=args, name="solve", daemon=True)
    try:
        with _interruptible():
            thread.start()
            return result.result()
    except KeyboardInterrupt:
        started.add_done_callback(_cancel)  # at once, or as soon as it has begun
        raise
    finally:
        with suppress(RuntimeError):  # interrupted before it began
            thread.join()


def _cancel(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]]) -> None:
    loop, task = started.result()
    with suppress(RuntimeError):  # it has just ended by itself
        loop.call_soon_threadsafe(task.cancel)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Has Ctrl-C raise here: asyncio's own handlers only tell the loop, which is blocked until this has ended."""
    before = signal.getsignal(signal.SIGINT)
    theirs = getattr(getattr(before, "func", before), "__module__", None) or ""
    if threading.current_thread() is not threading.main_thread() or not theirs.startswith("asyncio."):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _follow(work: Coroutine[Any, Any, T], started: Future[Any], result: Future[T]) -> None:
    async def main() -> T:
        started.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    try:
        result.set_result(asyncio.run(main()))
    except BaseException as error:
        result.set_exception(error)
