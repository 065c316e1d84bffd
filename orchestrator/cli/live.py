"""How a run stands, redrawn in place at the bottom of a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from .picture import picture
from .plain import PlainDisplay, line_of, say
from .printing import visible
from .standing import Standing, View

if TYPE_CHECKING:
    from orchestrator.evals.runner import Bench, Watcher

_TICK = 0.25
"""Seconds between two pictures, at the least."""
_SHARE = 0.02
"""Of a processor, what drawing may take."""


@contextmanager
def watching(name: str, problems: int) -> Iterator[Watcher]:
    """What shows a run while it goes on: a picture on a terminal, else lines; standard output stays clean.

    Args:
        name: of the set.
        problems: how many the run solves.
    """
    view = View(name, problems)
    with LiveDisplay(view, sys.stderr) if redraws(sys.stderr) else PlainDisplay(view) as display:
        yield display


def redraws(stream: IO[str]) -> bool:
    """Whether a stream is a terminal that can take back what it shows."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


class LiveDisplay:
    """A picture that is drawn anew a few times a second, whatever the number of results; a context manager.

    A thread draws, so that a terminal that takes nothing (Ctrl-S, a lost connection) does not hold up the run.

    Args:
        stream: a terminal.
    """

    def __init__(self, view: View, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._view = view
        self._bench: Bench | None = None
        self._console = Console(file=stream, force_terminal=True, markup=False, emoji=False, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._width = self._console.width

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._live.stop()
        if self._bench is not None:
            say(line_of(self._view.of(self._bench), final=True))

    async def look(self, bench: Bench) -> float:
        """Draws how the bench stands; returns a pause that keeps drawing within its share of a processor."""
        self._bench = bench
        return max(_TICK, await asyncio.to_thread(self._draw, self._view.of(bench)) / _SHARE)

    def tell(self, text: str) -> None:
        """Prints a line about something out of the ordinary above the picture."""
        from rich.text import Text

        self._console.print(Text(visible(text, keep="")))

    def _draw(self, standing: Standing) -> float:
        """Seconds of processor time that it took."""
        start = time.thread_time()
        width, height = self._console.size
        if width < self._width:
            self._console.clear()  # the terminal has folded the lines of the last picture, so nobody knows its height
        self._width = width
        self._live.update(picture(standing, width, height), refresh=True)
        return time.thread_time() - start
