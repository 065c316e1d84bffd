"""How a run stands, redrawn in place at the bottom of a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self, TypeVar

from .plain import PlainDisplay, line_of, say
from .printing import visible
from .standing import LaneStanding, RowStanding, Standing, View, clock, money, percent, short

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from orchestrator.evals.runner import Bench, Watcher

T = TypeVar("T")

_TICK = 0.25
"""Seconds between two pictures, at the least."""
_SHARE = 0.02
"""Of a processor, what drawing may take."""
_HEAD = 3
"""Lines above the tables, the empty one among them."""
_TABLE = 2
"""Lines that a table takes beside its rows: its head and the empty line above the next."""
_WIDE = 72
"""Columns from which on a row shows what it used."""


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


# -- the picture --------------------------------------------------------------------------


def picture(standing: Standing, width: int, height: int) -> RenderableType:
    """A run in at most `height - 1` lines."""
    from rich.console import Group
    from rich.text import Text

    rows, lanes = shared(len(standing.rows), len(standing.lanes), height - 2 - _HEAD - 2 * _TABLE)
    parts: list[RenderableType] = [_bar(standing, width), _paid(standing), Text("")]
    if rows:
        parts += [_rows_table(standing, rows, width), Text("")]
    if lanes:
        parts += [_lanes_table(standing.lanes, lanes), Text("")]
    if standing.ending:
        parts[-1] = _cell(standing.ending, "bold yellow")
    else:
        parts.pop()
    return Group(*parts)


def shared(rows: int, lanes: int, room: int) -> tuple[int, int]:
    """How many lines of a picture two tables get, where both do not fit: lanes at least a third."""
    room = max(0, room)
    of_lanes = min(lanes, max(room - rows, room // 3))
    return min(rows, room - of_lanes), of_lanes


def _bar(standing: Standing, width: int) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=max(8, width // 4))
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True)
    togo = "" if standing.ending else f", {clock(standing.eta)} to go"
    grid.add_row(
        _cell(standing.name, "bold"),
        ProgressBar(total=max(1, standing.total), completed=standing.done),
        _cell(f"{standing.done:,}/{standing.total:,}  {clock(standing.seconds)}{togo}"),
    )
    return grid


def _paid(standing: Standing) -> Text:
    usd = f", {money(standing.usd)}" if standing.usd or "usd" in standing.caps else ""
    caps = f"  cap: {standing.caps}" if standing.caps else ""
    return _cell(
        f"paid: {short(standing.calls)} calls, {short(standing.tokens)} tokens{usd}{caps}"
        f"  problems in flight: {standing.running}",
        "dim",
    )


def _rows_table(standing: Standing, room: int, width: int) -> Table:
    rows = standing.rows
    titles = ["done", "accuracy"]
    titles += ["errors"] if any(row.errors for row in rows) else []
    if width >= _WIDE:
        titles += ["calls", "tokens"] + (["usd"] if any(row.usd for row in rows) else [])
    table = _table("strategy", titles)
    for row in _first(rows, room):
        cells = _amounts(row, standing.each)
        table.add_row(_cell(row.name, "red" if row.gone else ""), *(cells[title] for title in titles))
    return _with_rest(table, len(rows), room)


def _amounts(row: RowStanding, each: int) -> dict[str, Text]:
    return {
        "done": _cell("no expert left" if row.gone else f"{row.done:,}/{each:,}", "red" if row.gone else ""),
        "accuracy": _cell(percent(row.accuracy), "bold"),
        "errors": _cell(f"{row.errors:,}", "red" if row.errors else ""),
        "calls": _cell(short(row.calls)),
        "tokens": _cell(short(row.tokens)),
        "usd": _cell(money(row.usd)),
    }


def _lanes_table(lanes: tuple[LaneStanding, ...], room: int) -> Table:
    table = _table("expert", ["in flight", "queued"])
    states = any(lane.state for lane in lanes)
    if states:
        table.add_column(_cell("state"), no_wrap=True, overflow="ellipsis", ratio=2)
    busiest = lanes if len(lanes) <= room else sorted(lanes, key=_urgency)
    for lane in _first(busiest, room):
        style = "yellow" if lane.state else ""
        cells = [_cell(lane.expert, style), _cell(f"{lane.out:,}"), _cell(f"{lane.queued:,}")]
        table.add_row(*cells, *([_cell(lane.state, style)] if states else []))
    return _with_rest(table, len(lanes), room)


def _urgency(lane: LaneStanding) -> tuple[bool, int, int]:
    return not lane.state, -lane.queued, -lane.out


def _table(name: str, titles: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True, header_style="dim")
    table.add_column(_cell(name), no_wrap=True, overflow="ellipsis", ratio=3)
    for title in titles:
        table.add_column(_cell(title), justify="right", no_wrap=True)
    return table


def _first(items: Sequence[T], room: int) -> Sequence[T]:
    """As many as fit; where not all do, the last line is for saying so."""
    return items if len(items) <= room else items[: room - 1]


def _with_rest(table: Table, count: int, room: int) -> Table:
    if count > room:
        table.add_row(_cell(f"and {count - room + 1} more", "dim"))
    return table


def _cell(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
