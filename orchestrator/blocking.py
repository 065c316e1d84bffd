"""Async work from code that is not async."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
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
    thread = threading.Thread(target=_follow, args=(work, started, result), name="solve", daemon=True)
    thread.start()
    try:
        return result.result()
    except KeyboardInterrupt:
        loop, task = started.result()
        with suppress(RuntimeError):  # it has just ended by itself
            loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()


def _follow(work: Coroutine[Any, Any, T], started: Future[Any], result: Future[T]) -> None:
    async def main() -> T:
        started.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    try:
        result.set_result(asyncio.run(main()))
    except BaseException as error:
        result.set_exception(error)
