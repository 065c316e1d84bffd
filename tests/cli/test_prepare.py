"""`prepare`: problems with answers in, a file out; asked before, kept on the way, never paid twice."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from orchestrator.cli import options
from orchestrator.engine import Engine
from orchestrator.lessons import mark_of
from orchestrator.types import Message, Problem

from .conftest import Command
from .preparing import taught
from .test_bench import PRICED
from .test_interrupt import SLOW, interrupted

__all__ = ["taught"]


def told(path: str | Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(path).read_text())
    return found


def test_a_file_is_made_from_the_sets_problems(command: Command, taught: str, echo: str, sums: str) -> None:
    done = command("prepare", taught, sums, "-o", "book.json", "-e", echo)
    marks = [mark_of(Problem("x", (Message("user", f"20 + {20 + i}?"),), "number")) for i in range(4)]
    assert told("book.json") == {"right": [1, 0, 0, 0], "seen": marks}
    assert done.out == ""
    assert "book.json: taught, from 4 problems of sums; 4 calls" in done.err
    assert "use it with -s 'taught(book=\"book.json\")'" in done.err


def test_json_says_the_same(command: Command, taught: str, echo: str, sums: str, home: Path) -> None:
    shown = command("prepare", f"{taught}(rounds=2)", sums, "-o", "b", "-e", echo, "--run", "r", "--json").json
    assert shown["schema"] == "prepare/1"
    assert (shown["name"], shown["set"], shown["problems"], shown["file"]) == ("taught(rounds=2)", "sums", 4, "b")
    assert (shown["usage"]["calls"], shown["run"]) == (8, str(home / "r"))
    assert shown["use"] == "-s 'taught(rounds=2, book=b)'"


def test_what_is_made_may_be_read_like_other_files_of_the_user(
    command: Command, taught: str, echo: str, sums: str
) -> None:
    before = os.umask(0o027)
    try:
        command("prepare", taught, sums, "-o", "b", "-e", echo)
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path("b").stat().st_mode) == 0o640


def test_options_choose_problems_and_settings(command: Command, taught: str, echo: str, sums: str) -> None:
    words = ("-e", echo, "-o", "b", "--force")
    command("prepare", taught, sums, *words, "--limit", "2", "--set", "rounds=3")
    assert told("b")["right"] == [3, 0]
    command("prepare", taught, sums, *words, "--ids", "sum/0,sum/3")
    assert told("b")["right"] == [1, 0]
    fit = command("benchmarks", sums, "--json").json["parts"].get("fit", 0)
    assert 0 < fit < 4
    command("prepare", taught, sums, *words, "--part", "fit", code=0 if fit > 1 else 2)


def test_a_strategy_without_a_setup_names_those_that_have_one(command: Command, taught: str, sums: str) -> None:
    done = command("prepare", "cot", sums, "-o", "b", code=2)
    assert len(done.lines) == 1
    assert done.lines[0].startswith("orchestrator: strategy cot has no setup; those that have one: ")
    assert taught in done.lines[0]


def test_a_package_that_cannot_be_loaded_is_no_reason_not_to_tell(
    command: Command, taught: str, sums: str, tmp_path: Path
) -> None:
    (tmp_path / "site" / "taught_strategy.py").write_text("import nothing_like_it\n")
    done = command("prepare", "cot", sums, "-o", "b", code=2)
    assert "those that have one: div_se" in done.err
    assert "cannot be loaded" in command("prepare", taught, sums, "-o", "b", code=2).err


def test_prompts_of_the_users_own_are_asked_with(command: Command, taught: str, sums: str, home: Path) -> None:
    (home / "mine.toml").write_text('[cot.answer]\ntext = "$problem\\n\\nSing it. $format"\n')
    (home / "sung.toml").write_text('[[rule]]\nmatch = "Sing it"\nreply = "The answer is 40."\n')
    words = ("prepare", taught, sums, "-o", "b", "-e", "scripted:sung.toml")
    command(*words, code=5)
    command(*words, "--prompts", "mine.toml")
    assert told("b")["right"] == [1, 0, 0, 0]


class TestBeforeAnybodyIsAsked:
    @pytest.fixture(autouse=True)
    def _silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))

    def test_a_file_that_is_there_is_not_overwritten(self, command: Command, taught: str, echo: str, sums: str) -> None:
        Path("b").write_text("mine")
        done = command("prepare", taught, sums, "-o", "b", "-e", echo, "--run", "r", code=2)
        assert "b is there already" in done.err
        assert "--force" in done.err
        assert Path("b").read_text() == "mine"
        assert not Path("r").exists()

    def test_a_folder_that_is_not_there_is_told(self, command: Command, taught: str, echo: str, sums: str) -> None:
        assert "there is no folder" in command("prepare", taught, sums, "-o", "no/b", "-e", echo, code=2).err
        assert "is a folder" in command("prepare", taught, sums, "-o", ".", "-e", echo, code=2).err

    def test_a_dry_run_tells_calls_and_money(self, command: Command, taught: str, echo: str, sums: str) -> None:
        Path("dear.toml").write_text(PRICED)
        words = ("prepare", f"{taught}(rounds=5)", sums, "-o", "b", "--pool", "dear.toml", "--dry-run")
        (row,) = command(*words, "--json").json["results"]
        assert row["calls"] == {"least": 20, "expected": 20, "most": 20}
        assert row["usd_most"] > 0
        assert "20" in command(*words).out
        assert not Path("b").exists()

    def test_priced_experts_are_asked_only_with_leave(
        self, command: Command, taught: str, echo: str, sums: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("dear.toml").write_text(PRICED)
        words = ("prepare", taught, sums, "-o", "b", "--pool", "dear.toml", "--run", "r")
        done = command(*words, code=2)
        assert "about 4 calls, at most 4, usd=" in done.err
        assert "no terminal" in done.err
        monkeypatch.setattr(options, "somebody_there", lambda: True)
        assert "not started" in command(*words, stdin="n\n", code=2).err
        assert not Path("r").exists()

    def test_a_set_without_answers_is_refused(self, command: Command, taught: str, echo: str, home: Path) -> None:
        (home / "open.jsonl").write_text('{"id": "a", "kind": "text", "question": "Why?"}\n')
        assert "graded" in command("prepare", taught, "open.jsonl", "-o", "b", "-e", echo, code=2).err


def test_problems_without_an_answer_are_left_out(command: Command, taught: str, echo: str, sums: str) -> None:
    with Path(sums).open("a") as file:
        file.write('{"id": "why", "kind": "text", "question": "Why?"}\n')
    done = command("prepare", taught, sums, "-o", "b", "-e", echo)
    assert "without a known answer, and left out: 1 of 5 problems" in done.err
    assert told("b")["right"] == [1, 0, 0, 0]


def test_leave_is_given_by_yes_or_a_run_budget(command: Command, taught: str, echo: str, sums: str) -> None:
    Path("dear.toml").write_text(PRICED)
    words = ("prepare", taught, sums, "-o", "b", "--pool", "dear.toml", "--force")
    assert "this takes about 4 calls" in command(*words, "--yes").err
    done = command(*words, "--run-budget", "usd=5")
    assert "this takes" not in done.err
    assert "paid: usd=" in done.err


def test_too_few_problems_are_a_matter_of_the_strategy(command: Command, taught: str, echo: str, sums: str) -> None:
    done = command("prepare", taught, sums, "-o", "b", "-e", echo, "--limit", "1", code=2)
    assert "learns nothing from fewer than 2 problems" in done.err
    assert not Path("b").exists()


class TestGoingOn:
    def test_what_a_cap_cut_off_goes_on_with_nothing_paid_twice(
        self, command: Command, taught: str, echo: str, sums: str
    ) -> None:
        words = ("prepare", f"{taught}(rounds=4)", sums, "-o", "b", "-e", echo, "--run", "r")
        cut = command(*words, "--run-budget", "calls=9", code=4)
        assert "go on with the same command and --run" in cut.err
        assert not Path("b").exists()
        assert command("runs", "show", "r", "--json").json["state"] == "unfinished"
        shown = command(*words, "--run-budget", "calls=16", "--json").json
        assert shown["usage"]["calls"] == 16
        assert shown["usage"]["cached_calls"] == 9
        listed = command("runs", "show", "r", "--json").json
        assert (listed["state"], listed["strategies"]) == ("done", [f"prepare {taught}(rounds=4)"])
        assert f"file: {Path('b').absolute()}" in command("runs", "show", "r").out

    def test_another_preparation_is_not_mixed_in(self, command: Command, taught: str, echo: str, sums: str) -> None:
        words = ("-o", "b", "-e", echo, "--run", "r", "--force")
        command("prepare", taught, sums, *words)
        assert "a preparation of something else" in command("prepare", f"{taught}(rounds=2)", sums, *words, code=2).err
        assert "with another --limit" in command("prepare", taught, sums, *words, "--limit", "2", code=2).err
        command("bench", sums, "-e", echo, "-s", "cot", "--run", "s")
        done = command("prepare", taught, sums, "-o", "b", "-e", echo, "--run", "s", "--force", code=2)
        assert "a run of another kind" in done.err

    def test_resume_tells_how_it_goes_on(self, command: Command, taught: str, echo: str, sums: str) -> None:
        command("prepare", taught, sums, "-o", "b", "-e", echo, "--run", "r")
        assert "is a preparation: it goes on with the command that began it" in command("resume", "r", code=2).err

    def test_experts_that_fail_end_it_and_what_they_said_is_kept(
        self, command: Command, taught: str, home: Path, sums: str
    ) -> None:
        (home / "mute.toml").write_text('[[rule]]\nmatch = "nothing like it"\nreply = "x"\n')
        words = ("prepare", taught, sums, "-o", "b", "-e", "scripted:mute.toml", "--run", "r")
        assert "go on with the same command" in command(*words, code=5).err
        (home / "mute.toml").write_text('[[rule]]\nmatch = "."\nreply = "The answer is 40."\n')
        command(*words)
        assert told("b")["right"] == [1, 0, 0, 0]

    def test_an_interruption_keeps_what_is_in_flight(
        self, command: Command, taught: str, home: Path, sums: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
        (home / "slow.toml").write_text("latency = 0.5\n" + SLOW)
        words = ("prepare", f"{taught}(rounds=40)", sums, "-o", "b", "-e", "scripted:slow.toml", "--run", "r")
        done = interrupted(*words)
        assert done.returncode == 130, done.stderr
        assert "interrupted; everything answered is kept" in done.stderr.splitlines()[-1]
        assert not Path("b").exists()
        (home / "slow.toml").write_text(SLOW)
        shown = command(*words, "--json").json
        assert told("b")["right"] == [40, 0, 0, 0]
        assert shown["usage"]["calls"] == 160
        assert shown["usage"]["cached_calls"] >= 4
        assert shown["usage"]["cached_calls"] % 4 == 0
