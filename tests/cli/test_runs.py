"""`runs`: what past runs tell."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import options

from .conftest import Command


@pytest.fixture
def run(command: Command, echo: str, sums: str) -> Path:
    """A run of two strategies on four problems, under the state directory."""
    words = ("bench", sums, "-e", echo, "-s", "cot", "-s", "self_consistency(samples=2)", "--json")
    return Path(command(*words).json["run"])


def test_no_run_yet_is_said(command: Command) -> None:
    assert "there is no run yet" in command("runs", "list").err
    assert command("runs", "list", "--json").json == {"schema": "runs/1", "runs": []}


def test_runs_are_listed_with_their_state(command: Command, run: Path) -> None:
    (listed,) = command("runs", "list", "--json").json["runs"]
    assert (listed["id"], listed["set"], listed["done"], listed["total"], listed["state"]) == (
        run.name, "sums", 8, 8, "done",
    )  # fmt: skip
    shown = command("runs", "list").out
    assert run.name in shown
    assert "self_consistency(samples=2)" in shown


def test_a_run_shows_the_table_it_ended_with(command: Command, run: Path) -> None:
    again = command("resume", run.name, "--json").json["results"]
    shown = command("runs", "show", run.name, "--json").json
    assert shown["results"] == [
        {**row, "seconds": mine["seconds"]} for row, mine in zip(again, shown["results"], strict=True)
    ]
    assert all(row["seconds"] > 0 for row in shown["results"])
    assert (shown["open_calls"], shown["problems"], shown["state"]) == (0, 4, "done")
    assert shown["manifest"]["strategies"] == ["cot", "self_consistency(samples=2)"]
    text = command("runs", "show", "last").out
    billed = shown["billed"]
    assert 0 < billed["prompt"] <= sum(row["prompt_tokens"] for row in shown["results"])
    assert f"billed: {billed['prompt']} prompt tokens, {billed['completion']} of replies, 0.0000 usd" in text
    assert "open calls: 0" in text
    assert "25.0" in text


def test_what_was_read_from_caches_is_told(command: Command, run: Path) -> None:
    with closing(sqlite3.connect(run / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE attempts SET cached = 5, written = 2 WHERE id = 1")
    assert command("runs", "show", "last", "--json").json["billed"]["cached_prompt"] == 5
    assert "(5 of them read from a cache, 2 written into one)" in " ".join(command("runs", "show", "last").out.split())


def test_calls_without_an_end_are_counted(command: Command, run: Path) -> None:
    with closing(sqlite3.connect(run / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE attempts SET state = 'open' WHERE id <= 2")
    assert command("runs", "show", "last", "--json").json["open_calls"] == 2


def test_an_unfinished_run_says_how_to_go_on(command: Command, run: Path) -> None:
    results = run / "results.jsonl"
    results.write_text("".join(results.read_text().splitlines(keepends=True)[:5]))
    done = command("runs", "show", "last")
    assert f"orchestrator resume {run.name}" in done.err
    assert "5/8" in done.out


def test_a_run_without_a_journal_can_still_be_shown(command: Command, run: Path) -> None:
    (run / "journal.sqlite").unlink()
    assert command("runs", "show", "last", "--json").json["open_calls"] == 0


def test_an_export_has_a_line_for_each_result_with_what_it_used(command: Command, run: Path) -> None:
    rows = [json.loads(line) for line in command("runs", "export", "last").out.splitlines()]
    assert len(rows) == 8
    votes = [row for row in rows if row["strategy"] == "self_consistency(samples=2)"]
    assert [row["usage"]["calls"] for row in votes] == [2] * 4
    assert len(votes[0]["candidates"]) == 2


def test_an_export_as_csv_goes_to_a_private_file(command: Command, run: Path) -> None:
    done = command("runs", "export", "last", "--format", "csv", "-o", "out.csv")
    assert (done.out, done.err) == ("", "out.csv: 9 lines\n")
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert [row["answer"] for row in rows if row["problem"] == "sum/0" and row["strategy"] == "cot"] == ["40"]
    assert {row["calls"] for row in rows} == {"1", "2"}
    assert Path("out.csv").stat().st_mode & 0o777 == 0o600


def test_an_export_that_cannot_be_written_is_one_line(command: Command, run: Path) -> None:
    done = command("runs", "export", "last", "-o", "none/out.csv", code=2)
    assert "none/out.csv cannot be written" in done.err
    assert len(done.lines) == 1


def test_deleting_asks_and_takes_no_for_an_answer(command: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--yes" in command("runs", "rm", "last", code=2).err
    monkeypatch.setattr(options, "somebody_there", lambda: True)
    assert "nothing was deleted" in command("runs", "rm", "last", stdin="n\n", code=2).err
    assert run.exists()
    command("runs", "rm", "last", stdin="y\n")
    assert not run.exists()


def test_several_runs_are_deleted_or_none(command: Command, run: Path) -> None:
    assert "unknown run 'none'" in command("runs", "rm", run.name, "none", "--yes", code=2).err
    assert run.exists()
    command("runs", "rm", run.name, run.name, "--yes")
    assert not run.exists()


def exported(command: Command, *words: str) -> list[Any]:
    return [json.loads(line) for line in command("runs", "export", "last", *words).out.splitlines()]


@pytest.mark.parametrize(("layout", "field"), [("evalplus", "solution"), ("humaneval", "completion")])
def test_answers_are_exported_as_samples_for_other_evaluators(
    command: Command, run: Path, layout: str, field: str
) -> None:
    rows = exported(command, "--format", layout, "-s", "cot")
    assert [row["task_id"] for row in rows] == [f"sum/{i}" for i in range(4)]
    assert {row[field] for row in rows} == {"40"}


def test_livecodebench_gets_an_array_with_the_programs_of_each_problem(command: Command, run: Path) -> None:
    words = ("--format", "livecodebench", "-s", "self_consistency(samples=2)", "--candidates")
    (rows,) = exported(command, *words)
    assert rows == [{"question_id": f"sum/{i}", "code_list": ["40", "41"]} for i in range(4)]


def test_every_candidate_is_exported_on_request(command: Command, run: Path) -> None:
    words = ("--format", "evalplus", "-s", "self_consistency(samples=2)")
    assert len(exported(command, *words, "--candidates")) == 2 * len(exported(command, *words)) == 8


def test_an_answer_that_could_not_be_read_is_exported_as_one_that_fails(command: Command, run: Path) -> None:
    results = run / "results.jsonl"
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    results.write_text("".join(json.dumps({**row, "answer": None}) + "\n" for row in rows))
    assert {row["solution"] for row in exported(command, "--format", "evalplus", "-s", "cot")} == {""}


def test_samples_of_several_strategies_are_not_mixed(command: Command, run: Path) -> None:
    error = command("runs", "export", "last", "--format", "evalplus", code=2).err
    assert "name it with -s: cot, self_consistency(samples=2)" in error


def test_one_row_of_a_run_is_exported(command: Command, run: Path) -> None:
    assert {row["strategy"] for row in exported(command, "-s", "cot")} == {"cot"}
    assert "unknown row 'cto'" in command("runs", "export", "last", "-s", "cto", code=2).err


def test_what_has_no_candidates_to_choose_from_says_so(command: Command, run: Path) -> None:
    assert "--candidates goes with" in command("runs", "export", "last", "--candidates", code=2).err
