"""How far a command has come that works through a known number of things."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .live import redraws
from .plain import say
from .standing import clock

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_SOONEST, _LATEST = 5.0, 60.0
"""Seconds between two lines of a log, at the least and at the most while things get done."""


class Progress:
    """A bar on a terminal, else a line now and then; a context manager. Standard output stays clean.

    Args:
        what: the things, in the plural.
        total: how many there are.
        write: prints a line.
        now: gives seconds.
    """

    def __init__(
        self,
        what: str,
        total: int,
        write: Callable[[str], None] = say,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._total, self._write, self._now = what, total, write, now
        self._done, self._start = 0, now()
        self._said_at = self._start
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if redraws(sys.stderr):
            self._bar = _bar()
            self._bar.start()
            self._bar.add_task(self._what, total=self._total)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self) -> None:
        """One more is done."""
        self.reach(self._done + 1)

    def reach(self, done: int) -> None:
        """So many are done."""
        if done == self._done:
            return
        self._done = done
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        elif self._now() - self._said_at >= min(_LATEST, max(_SOONEST, (self._now() - self._start) / 5)):
            self._said_at = self._now()
            self._write(self._line())

    def _line(self) -> str:
        took = self._now() - self._start
        togo = took * max(0, self._total - self._done) / self._done
        return f"{self._done:,} of {self._total:,} {self._what} in {clock(took)}, {clock(togo)} to go"


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Bar(*columns, console=console, transient=True)
