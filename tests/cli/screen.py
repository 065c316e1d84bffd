"""A terminal, as far as this command uses one: what stands on it after what was written to it."""

from __future__ import annotations

import re

from rich.cells import cell_len

_TOKEN = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)|(.)", re.DOTALL)


class Screen:
    """Cells of `width` x `height`; text wraps at the right edge, the screen scrolls at the bottom."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows: list[list[str]] = [[]]
        """All that was ever written, what has scrolled away among it."""
        self.row = self.column = 0
        self.cursor_shown = True
        self.styles: set[str] = set()
        """Codes of the styles that were set."""
        self.pictures = 0
        """How often something was taken back."""

    @property
    def top(self) -> int:
        return max(0, len(self.rows) - self.height)

    @property
    def text(self) -> str:
        """What stands there, without blanks at the ends of lines."""
        return "\n".join("".join(row).rstrip() for row in self.rows).rstrip()

    def feed(self, written: str) -> None:
        for match in _TOKEN.finditer(written):
            argument, command, line, text, strange = match.groups()
            assert strange is None, f"a control character: {strange!r}"
            if command:
                self._command(argument, command)
            elif line:
                self._go_to(self.row + (line == "\n"), 0 if line == "\r" else self.column)
                self.column = 0
            else:
                self._write(text)

    def _write(self, text: str) -> None:
        for sign in text:
            assert sign.isprintable(), repr(sign)
            if self.column + cell_len(sign) > self.width:
                self._go_to(self.row + 1, 0)
            cells = self.rows[self.row]
            cells += " " * (self.column + 1 - len(cells))
            cells[self.column] = sign
            self.column += cell_len(sign)

    def _go_to(self, row: int, column: int) -> None:
        while len(self.rows) <= row:
            self.rows.append([])
        self.row, self.column = row, column

    def _command(self, argument: str, command: str) -> None:
        number = int(argument) if argument.isdecimal() else 1
        match command:
            case "A":
                self.pictures += 1
                self._go_to(max(self.top, self.row - number), self.column)
            case "K":
                self.rows[self.row] = []
            case "H":
                self._go_to(self.top, 0)
            case "J":
                self.rows[self.top :] = [[] for _ in self.rows[self.top :]]
            case "m":
                self.styles.update(argument.split(";"))
            case "h" | "l":
                assert argument == "?25", argument
                self.cursor_shown = command == "h"
            case _:
                raise AssertionError(f"an escape sequence that is not expected: {argument}{command}")
