"""What writes a journal: a thread, whose commits each take everything that arrived while the last one ran."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

Row: TypeAlias = tuple[str, tuple[object, ...]]
"""A statement, and its values."""

_PASSES = 4
"""Passes of the event loop in which a batch may grow before it leaves. One in which nothing came ends the wait, so that
a lone write goes at once, and nobody ever waits for a timer."""

_MOST_ROWS = 32
"""Rows that one statement inserts. Each statement that runs lets go of the interpreter and has to get it back, which
costs more than the row."""


@dataclass(frozen=True, slots=True)
class Write:
    """Rows that are committed together, or not at all."""

    rows: Sequence[Row]
    done: asyncio.Future[None] | None = None
    """Told of the commit, where somebody waits for it."""


_Batch: TypeAlias = tuple[list[Write], asyncio.AbstractEventLoop | None]
"""What one commit is to hold, and where its end is told."""


class Writer:
    """Commits what it is given, in batches. All who use it are in one thread; event loops may follow one another.

    Args:
        db: the connection that is written; the thread closes it in the end.
        order: all statements. Rows of one commit are written statement by statement in this order, and those of one
            statement as they came.
        failure: the error that waiters get, from the one that was raised.
    """

    def __init__(self, db: sqlite3.Connection, order: Sequence[str], failure: Callable[[Exception], Exception]) -> None:
        self._db, self._order, self._failure = db, tuple(order), failure
        self._arrived: list[Write] = []
        self._passes = self._grown = 0
        self._closed = False
        self._due: asyncio.AbstractEventLoop | None = None
        """Where a batch is about to leave."""
        self._told: asyncio.AbstractEventLoop | None = None
        """Where the end of the commit that is under way will be told."""
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether anything is yet to be committed, or its commit to be told."""
        return bool(self._arrived or self._told)

    async def write(self, rows: Sequence[Row]) -> None:
        """Returns when the rows are committed, which they are even if whoever waits leaves.

        Raises:
            Exception: what `failure` makes of why they could not be.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._add(Write(rows, done), loop)
        await done

    def note(self, rows: Sequence[Row]) -> None:
        """Has rows committed with the next batch; nobody waits for it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._check_open()
            self._arrived.append(Write(rows))
            self._leave(None)
        else:
            self._add(Write(rows), loop)

    async def aclose(self) -> None:
        """Commits what came, closes the connection and ends the thread."""
        if not self._closed:
            self._closed = True
            self._leave(asyncio.get_running_loop())
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # -- on the event loop --------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise self._failure(ValueError("it is closed"))

    def _add(self, write: Write, loop: asyncio.AbstractEventLoop) -> None:
        self._check_open()
        self._arrived.append(write)
        if self._due is not loop and self._told is not loop:
            self._pass_by(loop)

    def _pass_by(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop
        loop.call_soon(self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lets the batch leave if this pass of the loop has brought nothing to it."""
        if len(self._arrived) > self._grown and self._passes < _PASSES:
            self._passes, self._grown = self._passes + 1, len(self._arrived)
            self._pass_by(loop)
            return
        self._due = None
        if self._arrived:
            self._told = loop
            self._leave(loop)

    def _leave(self, loop: asyncio.AbstractEventLoop | None) -> None:
        batch, self._arrived = self._arrived, []
        self._passes = self._grown = 0
        self._queue.put((batch, loop))

    def _tell(
        self, loop: asyncio.AbstractEventLoop, batch: Sequence[Write], errors: Sequence[Exception | None]
    ) -> None:
        self._told = None
        for write, error in zip(batch, errors or repeat(None), strict=False):
            if write.done is None or write.done.done():
                continue  # nobody waits, or not any more
            if error is not None:
                write.done.set_exception(error)
            else:
                write.done.set_result(None)
        if self._arrived:
            self._pass_by(loop)

    # -- in the thread ------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                batch, loop = item
                errors = self._commit(batch)
                if loop is not None:
                    with suppress(RuntimeError):  # it is closed by now, and nobody in it waits any more
                        loop.call_soon_threadsafe(self._tell, loop, batch, errors)
        finally:
            self._db.close()

    def _commit(self, batch: Sequence[Write]) -> Sequence[Exception | None]:
        """Commits a batch; returns for each of its writes what went wrong, and nothing at all where nothing did."""
        try:
            self._transact(batch)
        except Exception as raised:
            # The thread must live on, or everybody would wait for commits that never come.
            if len(batch) == 1 or isinstance(raised, sqlite3.OperationalError):
                return [self._failure(raised) for _ in batch]
            # Not the disk's fault but that of some row, for which the others are not to pay.
            return [error for write in batch for error in (self._commit([write]) or (None,))]
        return ()

    def _transact(self, batch: Iterable[Write]) -> None:
        rows: dict[str, list[tuple[object, ...]]] = {}
        for write in batch:
            for statement, values in write.rows:
                rows.setdefault(statement, []).append(values)
        with self._db as db:
            for statement in sorted(rows, key=self._order.index):
                _execute(db, statement, rows[statement])


def _execute(db: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    head, insert, form = statement.partition(" VALUES ")
    if not insert or len(rows) == 1:
        db.executemany(statement, rows)
        return
    for some in _pieces(rows):
        db.execute(head + insert + ", ".join([form] * len(some)), [value for row in some for value in row])


def _pieces(rows: Sequence[tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    """The rows in pieces of 32, 16, 8, 4, 2 and 1, so that few statements are ever prepared."""
    at, size = 0, _MOST_ROWS
    while at < len(rows):
        while size > len(rows) - at:
            size //= 2
        yield rows[at : at + size]
        at += size
