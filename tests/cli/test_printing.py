"""What is printed: nothing that steers a terminal, no NaN, and no fuss when nobody reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli import printing, tables
from orchestrator.cli.printing import PIPE_CLOSED, out_entry, out_json, visible
from orchestrator.cli.tables import Column, fold, print_table

from .conftest import SCRIPT, in_a_process


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J\x07\r", "\\x1b[2J\\x07\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("äöü \u00a0 漢字 👩\u200d💻", "äöü \u00a0 漢字 👩\u200d💻"),
    ],
    ids=range(9),
)
def test_what_could_steer_a_terminal_is_shown_instead(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_line_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    printing.note("one\ntwo\x1b")
    assert capsys.readouterr().err == "one\\ntwo\\x1b\n"


def test_on_a_narrow_terminal_a_line_breaks_between_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "12")
    printing.note("some words and a_name_that_is_longer than that")
    printing.note("short")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["some words", "  and", "  a_name_that_is_longer", "  than that", "short"]


def test_json_has_no_number_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    out_json("x/1", {"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": -float("inf")}, "e": ("x", None)})
    shown = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert shown == {"schema": "x/1", "a": None, "b": [None, 1.5], "c": {"d": None}, "e": ["x", None]}


SPEC = "self_consistency(samples=5, stop=asc, temperature=0.3)"


@pytest.mark.parametrize("width", [22, 30, 40])
def test_a_name_is_broken_where_it_has_joints(width: int) -> None:
    lines = fold(SPEC, width).split("\n")
    assert max(map(len, lines)) <= width
    assert "".join(lines).replace(" ", "") == SPEC.replace(" ", "")
    assert all(line.endswith(("(", ",", ")")) for line in lines)


class TestTable:
    @pytest.fixture
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        monkeypatch.setenv("NO_COLOR", "1")
        return monkeypatch

    @staticmethod
    def columns() -> list[Column]:
        return [
            Column("strategy", [SPEC, "cot [bold]x[/bold]"], folds=True),
            Column("accuracy", ["12.5", "-"]),
            Column("oracle", ["99.9", "-"], rank=2),
            Column("tokens", ["123456789", "0"], rank=1),
            Column("calls", ["1", "22"]),
        ]

    def shown(self, width: int | None, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
        terminal.setattr(tables, "terminal_width", lambda: width)
        print_table(self.columns())
        return capsys.readouterr().out

    @pytest.mark.parametrize(
        ("width", "titles"),
        [
            (24, "strategy accuracy"),
            (36, "strategy accuracy calls"),
            (45, "strategy accuracy calls"),
            (60, "strategy accuracy tokens calls"),
        ],
    )
    def test_columns_of_less_weight_leave_first(
        self, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, titles: str
    ) -> None:
        lines = self.shown(width, terminal, capsys).splitlines()
        assert lines[0].split() == titles.split()
        assert max(map(len, lines)) <= width
        names = "".join(line.split("   ")[0] for line in lines[2:])
        assert names.replace(" ", "") == f"{SPEC}cot[bold]x[/bold]".replace(" ", "")

    def test_outside_of_a_terminal_what_matters_is_there_however_wide(
        self, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        terminal.setattr(tables, "terminal_width", lambda: None)
        print_table([Column("name", ["x" * 40], folds=True), *(Column(f"column{i}", ["y" * 20]) for i in range(4))])
        assert capsys.readouterr().out.split()[:5] == ["name", "column0", "column1", "column2", "column3"]

    def test_a_wide_terminal_shows_everything_in_one_line(
        self, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = self.shown(200, terminal, capsys).splitlines()
        assert lines[0].split() == ["strategy", "accuracy", "oracle", "tokens", "calls"]
        assert lines[2].startswith(SPEC)
        assert "\x1b" not in "".join(lines)

    def test_outside_of_a_terminal_names_are_whole_and_markup_is_text(
        self, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = self.shown(None, terminal, capsys).splitlines()
        assert lines[2].split("   ")[0] == SPEC
        assert lines[3].startswith("cot [bold]x[/bold]")
        assert all(line == line.rstrip() for line in lines)

    def test_colours_are_for_terminals_that_want_them(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert "\x1b" not in self.shown(None, monkeypatch, capsys)


def test_a_list_is_folded_beside_its_names(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(printing, "terminal_width", lambda: 50)
    out_entry("name", "one two three four five six seven eight nine ten")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("  name   ")
    assert second.startswith(" " * 25)
    assert max(len(first), len(second)) <= 50


class TestAsAProcess:
    """What only a real process shows; see also the tests of bad input."""

    def test_a_reader_that_leaves_ends_it_quietly(self, home: Path) -> None:
        program = "import sys; from orchestrator.cli import main; sys.argv = ['orchestrator', 'strategies']; main()"
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            told = process.stderr.read()
        assert (process.returncode, told) == (PIPE_CLOSED, b"")

    def test_a_terminal_without_unicode_ends_nothing(self, home: Path) -> None:
        (home / "e.toml").write_text('[[rule]]\nmatch = "."\nreply = "naïve 漢"\n', encoding="utf-8")
        done = in_a_process(
            "solve", "Say it.", "-e", "scripted:e.toml", "-s", "cot", cwd=home, PYTHONIOENCODING="ascii"
        )
        assert (done.returncode, done.stdout) == (0, "na\\xefve \\u6f22\n")
        done = in_a_process(
            "bench", "sample", "-e", SCRIPT, "-s", "cot", "--limit", "1", cwd=home, PYTHONIOENCODING="ascii"
        )
        assert done.returncode == 0
        assert done.stdout.isascii()
