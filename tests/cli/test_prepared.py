"""No strategy is measured on problems that it was prepared on, unless that is meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.engine import Engine

from .conftest import Command
from .preparing import taught

__all__ = ["taught"]


@pytest.fixture
def book(command: Command, taught: str, echo: str, sums: str) -> str:
    """A file that was made from the first two of four sums."""
    command("prepare", taught, sums, "-o", "book.json", "-e", echo, "--limit", "2", "--run", "prepared")
    return "book.json"


def test_a_set_that_it_has_seen_is_refused_before_anybody_is_asked(
    command: Command, taught: str, echo: str, sums: str, book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))
    words = ("bench", sums, "-e", echo, "-s", f"{taught}(book={json.dumps(book)})", "--run", "r")
    done = command(*words, code=2)
    assert len(done.lines) == 1
    assert 'taught(book="book.json") was prepared (book.json) on 2 of the 4 problems of sums' in done.err
    assert "--part eval" in done.err
    assert "--allow-overlap" in done.err
    assert not Path("r").exists()
    assert "was prepared" in command(*words, "--dry-run", code=2).err


def test_problems_that_it_has_not_seen_are_free(command: Command, taught: str, echo: str, sums: str, book: str) -> None:
    words = ("bench", sums, "-e", echo, "-s", f"{taught}(book={json.dumps(book)})", "--json")
    assert command(*words, "--ids", "sum/2,sum/3").json["problems"] == 2
    assert "1 of the 2 problems" in command(*words, "--ids", "sum/1,sum/3", code=2).err


def test_the_same_question_under_another_id_and_spelling_is_the_same(
    command: Command, taught: str, echo: str, book: str, home: Path
) -> None:
    (home / "other.jsonl").write_text('{"id": "x", "kind": "number", "question": "20  +  21 ?!", "answer": "41"}\n')
    words = ("bench", "other.jsonl", "-e", echo, "-s", f"{taught}(book={json.dumps(book)})")
    assert "1 of the 1 problems of other" in command(*words, code=2).err


def test_what_is_inside_another_strategy_counts(command: Command, taught: str, echo: str, sums: str, book: str) -> None:
    spec = f"{taught}(inner={taught}(book={json.dumps(book)}))"
    done = command("bench", sums, "-e", echo, "-s", "cot", "-s", spec, code=2)
    assert "was prepared (book.json) on 2 of the 4 problems" in done.err


def test_a_strategy_without_its_file_has_seen_nothing(command: Command, taught: str, echo: str, sums: str) -> None:
    assert command("bench", sums, "-e", echo, "-s", taught, "--json").json["problems"] == 4


def test_a_file_that_is_not_there_is_told(command: Command, taught: str, echo: str, sums: str) -> None:
    done = command("bench", sums, "-e", echo, "-s", f"{taught}(book=none.json)", code=2)
    assert "none.json cannot be read" in done.err


class TestForced:
    def test_it_is_told_and_kept_in_the_manifest(
        self, command: Command, taught: str, echo: str, sums: str, book: str
    ) -> None:
        words = ("bench", sums, "-e", echo, "-s", f"{taught}(book={json.dumps(book)})", "--run", "r", "--allow-overlap")
        done = command(*words, "--json")
        assert done.json["problems"] == 4
        (count,) = done.json["overlap"].values()
        assert count == 2
        assert "its figures say nothing about new problems" in done.err
        assert json.loads(Path("r", "manifest.json").read_text())["allow_overlap"] is True

    def test_resuming_keeps_it(self, command: Command, taught: str, echo: str, sums: str, book: str) -> None:
        spec = f"{taught}(book={json.dumps(book)})"
        command("bench", sums, "-e", echo, "-s", spec, "--run", "r", "--allow-overlap")
        done = command("resume", "r", "--json")
        assert list(done.json["overlap"].values()) == [2]
        assert "its figures say nothing about new problems" in done.err

    def test_a_run_that_was_not_forced_is_refused_once_its_file_has_seen_its_problems(
        self, command: Command, taught: str, echo: str, sums: str, book: str
    ) -> None:
        spec = f"{taught}(book={json.dumps(book)})"
        command("bench", sums, "-e", echo, "-s", spec, "--ids", "sum/3", "--run", "r")
        command("prepare", taught, sums, "-o", book, "-e", echo, "--force")
        assert "was prepared (book.json) on 1 of the 1 problems" in command("resume", "r", code=2).err


def test_a_file_that_changed_since_the_run_began_is_told(
    command: Command, taught: str, echo: str, sums: str, book: str
) -> None:
    spec = f"{taught}(book={json.dumps(book)})"
    command("bench", sums, "-e", echo, "-s", spec, "--ids", "sum/3", "--run", "r")
    assert "changed since" not in command("resume", "r").err
    Path(book).write_text(json.dumps({**json.loads(Path(book).read_text()), "note": "mine"}))
    assert "book.json changed since the run began" in command("resume", "r").err


def test_a_run_that_is_resumed_where_its_file_is_not_says_where_it_began(
    command: Command, taught: str, echo: str, sums: str, book: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = f"{taught}(book={json.dumps(book)})"
    command("bench", sums, "-e", echo, "-s", spec, "--ids", "sum/3", "--run", "r")
    run = Path("r").absolute()
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    assert (
        f"book.json is not there; the run began in {home}: resume it there" in command("resume", str(run), code=2).err
    )
