"""How a run stands, as a picture for a terminal: a bar, what was paid, a table of rows and one of lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from .standing import LaneStanding, RowStanding, Standing, clock, money, percent, short, used

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

T = TypeVar("T")

_HEAD = 3
"""Lines above the tables, the empty one among them."""
_TABLE = 2
"""Lines that a table takes beside its rows: its head and the empty line above the next."""
_FEW = 4
"""Lines that two tables need at the least."""
_WIDE = 72
"""Columns from which on a row shows what it used."""
_LEAST, _GAP = 12, "..."
"""Cells that a shortened name keeps, and what stands for its middle."""


def picture(standing: Standing, width: int, height: int) -> RenderableType:
    """A run in at most `height - 1` lines."""
    from rich.cells import cell_len
    from rich.console import Group
    from rich.text import Text

    rows, lanes = shared(len(standing.rows), len(standing.lanes), height - 2 - _HEAD)
    names = [*(row.name for row in standing.rows), *(lane.expert for lane in standing.lanes)]
    narrowest = min(width // 3, max(map(cell_len, names), default=0))
    parts: list[RenderableType] = [_bar(standing, width), _paid(standing), Text("")]
    if rows:
        parts += [_rows_table(standing, rows, width, narrowest), Text("")]
    if lanes:
        parts += [_lanes_table(standing.lanes, lanes, narrowest), Text("")]
    if standing.ending:
        parts.insert(-1, _cell(standing.ending, "bold yellow"))
    # The cursor rests on the last line, an empty one: what a terminal echoes there (^C) must not begin another.
    return Group(*parts)


def shared(rows: int, lanes: int, height: int) -> tuple[int, int]:
    """How many lines two tables get within a height; where both do not fit, lanes get a third, or nothing."""
    room = height - 2 * _TABLE
    if lanes and room >= _FEW:
        of_lanes = min(lanes, max(room - rows, room // 3))
        return min(rows, room - of_lanes), of_lanes
    room = height - _TABLE
    return (min(rows, room), 0) if room >= min(rows, 2) else (0, 0)


def shortened(text: str, width: int) -> str:
    """The text without so much of its middle that it fits: names often begin alike."""
    from rich.cells import cell_len, chop_cells, set_cell_size

    if cell_len(text) <= width:
        return text
    if width < _LEAST:
        return set_cell_size(text, width)
    head = set_cell_size(text, width // 3).rstrip()
    tail = chop_cells(text[::-1], width - cell_len(head) - len(_GAP))[0][::-1]
    return f"{head}{_GAP}{tail}"


class _Name:
    """A name in a table."""

    def __init__(self, text: str, style: str = "") -> None:
        self._text, self._style = text, style

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.cells import cell_len
        from rich.measure import Measurement

        return Measurement(min(_LEAST, cell_len(self._text)), cell_len(self._text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield _cell(shortened(self._text, options.max_width), self._style)


def _bar(standing: Standing, width: int) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(max_width=max(_LEAST, width // 4))
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True)
    togo = "" if standing.ending else f", {clock(standing.eta)} to go"
    grid.add_row(
        _Name(standing.name, "bold"),
        ProgressBar(total=max(1, standing.total), completed=standing.done),
        _cell(f"{standing.done:,}/{standing.total:,}  {clock(standing.seconds)}{togo}"),
    )
    return grid


def _paid(standing: Standing) -> Text:
    usd = f", {money(standing.usd)}" if standing.usd or "usd" in standing.caps else ""
    caps = f"  cap: {standing.caps}" if standing.caps else ""
    return _cell(
        f"paid: {used(standing)}{usd}{caps}  problems in flight: {standing.running}",
        "dim",
    )


def _rows_table(standing: Standing, room: int, width: int, narrowest: int) -> Table:
    rows = standing.rows
    titles = ["done", "accuracy"]
    titles += ["errors"] if any(row.errors for row in rows) else []
    if width >= _WIDE:
        titles += ["calls", "tokens"] + (["usd"] if any(row.usd for row in rows) else [])
    table = _table("strategy", titles, narrowest)
    for row in _first(rows, room):
        cells = _amounts(row, standing.each)
        table.add_row(_Name(row.name, "red" if row.gone else ""), *(cells[title] for title in titles))
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


def _lanes_table(lanes: tuple[LaneStanding, ...], room: int, narrowest: int) -> Table:
    table = _table("expert", ["in flight", "queued"], narrowest)
    if states := any(lane.state for lane in lanes):
        table.add_column(_cell("state"), no_wrap=True, overflow="ellipsis")
    busiest = lanes if len(lanes) <= room else sorted(lanes, key=_urgency)
    for lane in _first(busiest, room):
        style = "yellow" if lane.state else ""
        cells = [_cell(f"{lane.out:,}"), _cell(f"{lane.queued:,}"), *([_cell(lane.state, style)] if states else [])]
        table.add_row(_Name(lane.expert, style), *cells)
    return _with_rest(table, len(lanes), room)


def _urgency(lane: LaneStanding) -> tuple[bool, int, int]:
    return not lane.state, -lane.queued, -lane.out


def _table(name: str, titles: Sequence[str], narrowest: int) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(_cell(name), min_width=narrowest)
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
