"""`bench --reuse`: what another run holds is taken over, and costs nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Command

SAMPLES = "self_consistency(samples={})"


def first(command: Command, sums: str, expert: str, samples: int = 3) -> Path:
    return Path(command("bench", sums, "-e", expert, "-s", SAMPLES.format(samples), "--json").json["run"])


def test_another_strategy_over_the_same_samples_asks_nobody(command: Command, sums: str, echo: str) -> None:
    run = first(command, sums, echo)
    table = command("bench", sums, "-e", echo, "-s", SAMPLES.format(2), "--reuse", str(run), "--json").json
    (row,) = table["results"]
    assert (row["calls"], row["cached_calls"], row["paid_usd"]) == (8, 8, 0)
    shown = command("runs", "show", table["run"], "--json").json
    assert shown["open_calls"] == 0


def test_only_what_the_other_run_lacks_is_asked(command: Command, sums: str, echo: str) -> None:
    first(command, sums, echo, 2)
    words = ("bench", sums, "-e", echo, "-s", SAMPLES.format(5), "--json")
    (row,) = command(*words, "--reuse", "last").json["results"]
    assert (row["calls"], row["cached_calls"]) == (20, 8)


def test_a_run_keeps_what_it_took_over(command: Command, home: Path, sums: str, echo: str) -> None:
    run = first(command, sums, echo)
    words = ("bench", sums, "-e", echo, "-s", SAMPLES.format(2), "--run", "second", "--json")
    command(*words, "--reuse", str(run))
    shutil.rmtree(run)
    lines = home / "second" / "results.jsonl"
    lines.write_text("".join(lines.read_text().splitlines(keepends=True)[:1]))
    (home / "echo.toml").write_text('[[rule]]\nmatch = "."\nreply = "The answer is 1."\n')
    done = command("resume", "second", "--json")
    assert "is not there any more" in done.err
    assert done.json["results"][0]["solved"] == 1
    assert json.loads((home / "second" / "manifest.json").read_text())["reuse"] == str(run / "journal.sqlite")


def test_a_resumed_run_goes_on_with_the_other_one(command: Command, home: Path, sums: str, echo: str) -> None:
    run = first(command, sums, echo)
    words = ("bench", sums, "-e", echo, "-s", SAMPLES.format(2), "--run", "second", "--json", "--reuse", str(run))
    command(*words)
    (home / "second" / "results.jsonl").write_text("")
    (home / "second" / "journal.sqlite").unlink()
    (row,) = command("resume", "second", "--json").json["results"]
    assert (row["calls"], row["cached_calls"]) == (8, 8)


@pytest.mark.parametrize("role", [False, True])
def test_an_expert_of_both_runs_is_at_one_address(
    command: Command, home: Path, sums: str, echo: str, role: bool
) -> None:
    pool = '[[expert]]\nid = "ann"\nclient = "scripted"\nmodel = "echo.toml"\napi_base = "{}"\n'
    (home / "p.toml").write_text(pool.format("http://127.0.0.1:1/v1"))
    run = command("bench", sums, "--pool", "p.toml", "-s", "cot", "--json").json["run"]
    (home / "p.toml").write_text(pool.format("http://127.0.0.1:2/v1"))
    who = ("-e", echo, "--role", "judge=ann") if role else ()
    done = command("bench", sums, "--pool", "p.toml", *who, "-s", "cot", "--reuse", run, code=2)
    assert len(done.lines) == 1
    assert "expert 'ann' was asked at http://127.0.0.1:1/v1 there and would be at http://127.0.0.1:2/v1" in done.err


def test_a_run_without_a_journal_is_named_before_anything_is_made(
    command: Command, home: Path, sums: str, echo: str
) -> None:
    run = first(command, sums, echo)
    (run / "journal.sqlite").unlink()
    done = command("bench", sums, "-e", echo, "-s", "cot", "--reuse", str(run), "--run", "second", code=2)
    assert "is no journal" in done.err
    assert not (home / "second").exists()
