"""How far a command has come, in a log and on a terminal."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import pytest

from orchestrator.cli.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(total: int, seconds_each: float) -> list[str]:
    clock, lines = Clock(), list[str]()
    with Progress("samples", total, lines.append, clock) as progress:
        for _ in range(total):
            clock.now += seconds_each
            progress.step()
    return lines


def test_short_work_says_nothing() -> None:
    assert told(100, 0.01) == []


def test_long_work_says_how_far_it_is_and_how_long_it_takes() -> None:
    assert told(10, 3.0)[0] == "2 of 10 samples in 0:06, 0:24 to go"


def test_the_longer_it_takes_the_rarer_the_lines_but_one_a_minute_comes() -> None:
    done = [int(line.split()[0].replace(",", "")) for line in told(1000, 1.0)]
    gaps = [after - before for before, after in pairwise([0, *done])]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (5, 60)


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    with Progress("samples", 2) as progress:
        progress.step()
        progress.step()
    shown = screen.getvalue()
    assert "samples" in shown
    assert "2/2" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "\x1b[2K" in shown.rsplit("2/2", 1)[1]
