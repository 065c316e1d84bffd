"""A run on a terminal: a pseudo terminal that the command runs on, and what stands on its screen."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.cli import live
from orchestrator.cli.live import LiveDisplay, redraws

from .screen import Screen
from .standings import BENCH, Still

VOTE = "self_consistency(samples=3)"
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from orchestrator.cli import live, main
live._TICK, live._SHARE = 0.05, 1.0  # pictures come often enough on a busy machine too
sys.argv[0] = "orchestrator"
main()
"""
SCRIPT = """
latency = 0.1
[[rule]]
match = "."
reply = "The answer is 4{i}."
"""


@dataclass
class Terminal:
    """A pseudo terminal, the command that runs on it, and the screen that it shows."""

    folder: Path
    width: int = 80
    height: int = 24
    environment: dict[str, str] | None = None

    def run(self, *words: str, act: Callable[[Terminal], None] = lambda _: None) -> Terminal:
        """Runs a command to its end; `act` is called after everything that it shows."""
        master, slave = pty.openpty()
        self.master, self.written, self.screen = master, "", Screen(self.width, self.height)
        self.resize(self.width, self.height)
        environment = {
            name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=self.folder, stdin=slave, stderr=slave, stdout=subprocess.PIPE, text=True, start_new_session=True,
            env={**environment, "TERM": "xterm-256color", "COLUMNS": "", "LINES": "", **(self.environment or {})},
        )  # fmt: skip
        os.close(slave)
        for chunk in self._chunks():
            self.written += chunk
            self.screen.feed(chunk)
            act(self)
        self.out, _ = self.process.communicate(timeout=60)
        os.close(master)
        return self

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def _chunks(self) -> Iterator[str]:
        """What is written, in pieces that end where an escape sequence does."""
        held = ""
        while True:
            assert select.select([self.master], [], [], 60)[0], "nothing is written any more"
            try:
                held += os.read(self.master, 65536).decode(errors="strict")
            except OSError:  # the other side is closed
                break
            whole = len(held) if "\x1b" not in held[-8:] else held.rindex("\x1b")
            if whole:
                yield held[:whole].replace("\r\n", "\n")
                held = held[whole:]
        if held:
            yield held.replace("\r\n", "\n")


@pytest.fixture
def words(home: Path) -> tuple[str, ...]:
    """A bench of a second or so."""
    (home / "echo.toml").write_text(SCRIPT)
    rows = [
        f'{{"id": "sum/{i}", "kind": "number", "question": "20 + 2{i % 10}?", "answer": "40"}}\n' for i in range(40)
    ]
    (home / "set.jsonl").write_text("".join(rows))
    return (
        "bench",
        "set.jsonl",
        "-e",
        "scripted:echo.toml",
        "-s",
        "cot",
        "-s",
        VOTE,
        "--concurrency",
        "4",
        "--run",
        "r",
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (40, 10)])
def test_the_picture_is_redrawn_and_leaves_one_line_behind(
    home: Path, words: tuple[str, ...], width: int, height: int
) -> None:
    seen: list[str] = []
    terminal = Terminal(home, width, height).run(*words, "--json", act=lambda t: seen.append(t.screen.text))
    assert terminal.process.returncode == 0
    assert terminal.screen.pictures >= 3
    assert any("/80" in text and "cot" in text for text in seen)
    assert max(len(text.splitlines()) for text in seen) <= height
    shown = "".join(terminal.screen.text.splitlines())
    assert shown.startswith("set: 80 of 80 in 0:0")
    assert "strategy" not in shown
    assert terminal.screen.cursor_shown
    assert terminal.out.count("\n") == 1
    assert "\x1b" not in terminal.out


def test_a_terminal_that_becomes_narrower_shows_one_whole_picture(home: Path, words: tuple[str, ...]) -> None:
    (home / "echo.toml").write_text(SCRIPT.replace("0.1", "1.2"))

    def act(terminal: Terminal) -> None:
        # At once, and by what was seen: on a busy machine this process may be seconds behind what is drawn.
        terminal.resize(*((120, 40) if "\x1b[2J" in terminal.written else (60, 20)))

    terminal = Terminal(home, 100, 30).run(*words, "--json", act=act)
    assert terminal.process.returncode == 0
    assert "\x1b[2J" in terminal.written
    after = terminal.written.split("\x1b[2J")[-1]
    screen = Screen(120, 40)
    screen.feed(after)
    assert "".join(screen.text.splitlines()).startswith("set: 80 of 80")


def test_ctrl_c_on_the_terminal_says_what_is_awaited(home: Path, words: tuple[str, ...]) -> None:
    (home / "echo.toml").write_text(SCRIPT.replace("0.1", "1.5"))
    pressed: list[str] = []

    def act(terminal: Terminal) -> None:
        if " 4/40" in terminal.screen.text and not pressed:
            pressed.append(terminal.screen.text)
            terminal.screen.feed("^C")
            os.kill(terminal.process.pid, signal.SIGINT)
        seen.append(terminal.screen.text)

    seen: list[str] = []
    terminal = Terminal(home).run(*words, act=act)
    assert terminal.process.returncode == 130
    assert any(re.search(r"stopping: \d calls are in flight; interrupt again to end at once", text) for text in seen)
    shown = terminal.screen.text
    assert "orchestrator resume" in shown
    assert "━" not in shown
    assert "^C" not in shown


@pytest.mark.parametrize("term", ["dumb", ""], ids=["dumb", "unset"])
def test_a_terminal_that_cannot_redraw_gets_lines(home: Path, words: tuple[str, ...], term: str) -> None:
    terminal = Terminal(home, environment={"TERM": term}).run(*words, "--json")
    assert "\x1b" not in terminal.written
    assert terminal.written.startswith("set: 0 of 80 (0 %)")


def test_no_color_means_no_colour(home: Path, words: tuple[str, ...]) -> None:
    coloured, plain = Terminal(home), Terminal(home, environment={"NO_COLOR": "1"})
    coloured.run(*words, "--json")
    plain.run(*words[:-1], "r2", "--json")
    assert any(re.fullmatch(r"[39]\d|38", style) for style in coloured.screen.styles)
    assert not any(re.fullmatch(r"[349]\d", style) for style in plain.screen.styles)
    assert plain.screen.pictures >= 3


def test_a_stream_that_is_no_terminal_is_not_drawn_on() -> None:
    assert not redraws(io.StringIO())


class Slow(io.StringIO):
    """A terminal that takes nothing until `released`."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.writing = os.pipe()
        self.held = False

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.held:
            os.read(self.reading, 1)
        return super().write(text)

    def released(self) -> None:
        self.held = False
        os.write(self.writing, b"x" * 1000)


async def test_a_terminal_that_takes_nothing_does_not_hold_up_the_run() -> None:
    stream, still = Slow(), Still()
    with closing(stream), LiveDisplay(still, stream) as display:  # type: ignore[arg-type]
        await display.look(BENCH)
        stream.held = True
        look = asyncio.ensure_future(display.look(None))  # type: ignore[arg-type]
        for _ in range(50):
            await asyncio.sleep(0)
        assert not look.done()
        stream.released()
        await look


async def test_drawing_keeps_to_its_share_of_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, still = io.StringIO(), Still()
    display = LiveDisplay(still, stream)  # type: ignore[arg-type]
    monkeypatch.setattr(display, "_draw", lambda shown: 0.2)
    assert await display.look(None) == pytest.approx(10.0)  # type: ignore[arg-type]
    monkeypatch.setattr(display, "_draw", lambda shown: 0.0001)
    assert await display.look(None) == live._TICK  # type: ignore[arg-type]


def test_what_is_told_stands_above_the_picture_and_steers_nothing() -> None:
    stream = io.StringIO()
    with LiveDisplay(Still(), stream) as display:  # type: ignore[arg-type]
        display.tell("problem [bold]x\x1b[2J: it\nbroke")
    screen = Screen(80, 24)
    screen.feed(stream.getvalue())
    assert "problem [bold]x\\x1b[2J: it\\nbroke" in screen.text
