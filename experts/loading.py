"""Heavy libraries, imported by threads of their own while other things are done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

from orchestrator.errors import ConfigError


class Library:
    """A library that whoever needs it first has imported, once.

    The thread is a daemon: who leaves the program does not wait until something is there that nobody wants any more.

    Args:
        name: of the distribution, for messages.
        load: imports it.
    """

    def __init__(self, name: str, load: Callable[[], object]) -> None:
        self._name, self._load = name, load
        self._lock = threading.Lock()
        self._future: Future[None] | None = None

    def begin(self) -> Future[None]:
        """Has it imported, unless that is under way or done; one that could not be imported is tried again."""
        with self._lock:
            future = self._future
            if future is None or (future.done() and future.exception() is not None):
                future = self._future = Future()
                future.set_running_or_notify_cancel()  # so that nobody's leaving cancels it for others
                threading.Thread(target=self._import, args=(future,), name=f"import {self._name}", daemon=True).start()
            return future

    async def ready(self) -> None:
        """Returns when it is there.

        Raises:
            ConfigError: it cannot be imported.
        """
        future = self.begin()
        try:
            if future.done():
                future.result()
            else:
                await asyncio.wrap_future(future)
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            advice = f"pip install --force-reinstall {self._name}"
            raise ConfigError(f"{self._name} cannot be imported ({why}); install it again: {advice}") from error

    def _import(self, future: Future[None]) -> None:
        try:
            self._load()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)
