"""Lines about a run, where there is no terminal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from orchestrator.cli.plain import PlainDisplay, line_of, say
from orchestrator.cli.standing import View
from orchestrator.experts.scripted import ScriptedExpert
from tests.evals.benching import bench, cases, doubled, plan_of

from .standings import BENCH, Still, lane, row, standing


def display_of(still: Still, lines: list[str]) -> PlainDisplay:
    return PlainDisplay(still, lines.append, lambda: still.now)  # type: ignore[arg-type]


def test_there_is_a_first_and_a_last_line(tmp_path: Path) -> None:
    lines: list[str] = []
    with PlainDisplay(View("toy", 5), lines.append) as display:
        bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(5), display)
    assert lines[0].startswith("toy: 0 of 5 (0 %), 0:00; 0 calls")
    assert re.fullmatch(r"toy: 5 of 5 in 0:0\d; cot 100\.0 %; 5 calls, \d+ tokens", lines[-1])
    assert len(lines) == 2


async def test_lines_are_few_however_often_it_looks() -> None:
    still, lines = Still(), list[str]()
    display = display_of(still, lines)
    for second in range(3600):
        still.now = float(second)
        still.standing = standing(done=second, total=3600, seconds=still.now)
        await display.look(BENCH)
    assert 11 <= len(lines) <= 60
    assert len(lines) == len(set(lines))


async def test_every_tenth_has_its_line_unless_they_come_too_fast() -> None:
    still, lines = Still(), list[str]()
    display = display_of(still, lines)
    for step in range(11):
        still.now += 6.0
        still.standing = standing(done=step, total=10)
        await display.look(BENCH)
    assert [line.split(" (")[0] for line in lines] == [f"toy: {step} of 10" for step in range(11)]
    del lines[:]
    for step in range(11):
        still.now += 0.1
        still.standing = standing(done=step, total=10)
        await display.look(BENCH)
    assert lines == []


async def test_an_interruption_is_told_at_once() -> None:
    still, lines = Still(), list[str]()
    display = display_of(still, lines)
    await display.look(BENCH)
    still.standing = standing(ending="stopping: 3 calls are in flight")
    await display.look(BENCH)
    still.standing = standing(ending="stopping: 2 calls are in flight")
    await display.look(BENCH)
    assert [line.count("stopping") for line in lines] == [0, 1]


def test_many_rows_are_told_by_the_best() -> None:
    rows = tuple(row(f"row{i}", accuracy=i / 10) for i in range(8))
    assert "best of 8 rows: row7 70.0 %" in line_of(standing(rows=rows))


def test_trouble_is_told() -> None:
    text = line_of(standing(lanes=(lane(state="rate limit; 3 at once"), lane("calm")), rows=(row(errors=4),)))
    assert "openai/m: rate limit; 3 at once" in text
    assert "4 errors" in text
    assert "calm" not in text


def test_nobody_reading_is_no_reason_to_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as broken, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", broken)
        with PlainDisplay(View("toy", 2)) as display:
            _, table = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(2), display)
        with pytest.raises(BrokenPipeError):
            broken.write("x" * 9), broken.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    assert table[0]["solved"] == 2


def test_on_a_narrow_terminal_a_line_breaks_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    say("word_problems:limit=8: 0 of 16 in 0:03; 32 calls, 76.2k tokens")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["word_problems:limit=8: 0 of 16", "  in 0:03; 32 calls, 76.2k", "  tokens"]
