"""Tables that fit the terminal: columns of less weight are left out, names are folded, never cut."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from .printing import out, terminal_width, visible

if TYPE_CHECKING:
    from orchestrator.types import Json

_NARROWEST = 22
"""Cells that a folded column keeps."""
_FEWEST = 2
"""Columns that are shown however narrow it is."""
_LEAST = 12
"""Cells that a folded column has however narrow it is."""
_BETWEEN = 3
_USUAL = 80
"""How many columns are shown where there is no terminal."""
_BREAKS = re.compile(r"[^(,/@ ]*[(,/@ ]*")


class Column:
    """One column of a table.

    Args:
        title: its head.
        cells: as they are to be read; control characters are escaped here.
        folds: text that may take several lines.
        rank: columns of the highest rank are left out first where the line is too short; those of rank 0 last, the
            first two of them never.
    """

    def __init__(self, title: str, cells: Sequence[str], *, folds: bool = False, rank: int = 0) -> None:
        self.title, self.folds, self.rank = title, folds, rank
        self.cells = [visible(cell, keep="") for cell in cells]
        self.width = max(map(_length, (title, *self.cells)))
        self.narrowest = min(self.width, _NARROWEST) if folds else self.width
        """Cells that it should have."""
        self.least = min(self.width, _LEAST) if folds else self.width
        """Cells that it needs before columns of rank 0 are left out."""


def print_table(columns: Sequence[Column]) -> None:
    """Prints as many of the columns as the terminal is wide; outside of a terminal nothing is folded."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = terminal_width()
    shown = _fitting(columns, width)
    room = _shared(shown, width or inf)
    terminal = Console()
    lines = box.SIMPLE_HEAD if terminal.encoding.startswith("utf") else box.ASCII2
    table = Table(box=lines, show_edge=False, pad_edge=False)
    for column in shown:
        table.add_column(Text(column.title), overflow="fold", no_wrap=not column.folds)
    folded = [[fold(cell, cells) for cell in column.cells] for column, cells in zip(shown, room, strict=True)]
    for cells in zip(*folded, strict=True):
        table.add_row(*map(Text, cells))
    page = io.StringIO()
    total = sum(column.width for column in shown) + _BETWEEN * len(shown)
    plain = width is None or terminal.no_color or terminal.is_dumb_terminal
    Console(
        file=page,
        width=width or max(total, _USUAL),
        force_terminal=width is not None,
        color_system=None if plain else "standard",
        no_color=terminal.no_color,
        highlight=False,
    ).print(table)
    for line in page.getvalue().splitlines():
        out(line.rstrip())


def fold(text: str, width: float) -> str:
    """The text in lines of at most so many cells, broken behind brackets, commas and slashes where that is possible."""
    if _length(text) <= width:
        return text
    lines, line = [], ""
    for piece in filter(None, _BREAKS.findall(text)):
        if line and _length(line) + _length(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return "\n".join([*lines, line])


def percent(share: Json) -> str:
    """A share as a percentage; `-` where there is none."""
    return f"{100 * share:.1f}" if isinstance(share, int | float) else "-"


def _fitting(columns: Sequence[Column], width: int | None) -> list[Column]:
    """Those that are shown; outside of a terminal, which has no width, as many as usual ones hold."""
    shown = list(columns)
    while _wide(shown, [column.narrowest for column in shown]) > (width or _USUAL):
        last = max(shown, key=lambda column: column.rank)
        if last.rank == 0:
            break
        shown.remove(last)
    while width and len(shown) > _FEWEST and _wide(shown, [column.least for column in shown]) > width:
        shown.pop()
    return shown


def _wide(columns: Sequence[Column], cells: Sequence[int]) -> int:
    return sum(cells) + _BETWEEN * (len(columns) - 1)


def _shared(columns: Sequence[Column], width: float) -> list[float]:
    """Cells of each column; those that fold share what the others leave, none more than it needs."""
    room: list[float] = [column.narrowest for column in columns]
    free = width - sum(room) - _BETWEEN * (len(columns) - 1)
    for i, column in enumerate(columns):
        less = min(max(0, -free), room[i] - column.least)
        room[i] -= less
        free += less
    wanting = sorted((i for i, column in enumerate(columns) if column.folds), key=lambda i: columns[i].width)
    for left, i in zip(range(len(wanting), 0, -1), wanting, strict=True):
        more = max(0, min(free / left, columns[i].width - room[i]))
        room[i] += int(more)
        free -= int(more)
    return room


def _length(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
