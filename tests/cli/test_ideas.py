"""`runs ideas`: how much the programs of a run differ, asked before, kept in the run, never paid twice."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.engine import Engine
from orchestrator.folder import INSIDE

from .conftest import Command

PROGRAMS = r'''
[[rule]]
match = "Work through this step by step"
replies = ["""
```python
def f(x):
    return x + 1  # sums
```
""", """
```python
def f(x):
    return 1 + x  # sums
```
""", """
```python
def f(x):
    return -~x  # bits
```
"""]
'''
JUDGE = r"""
[[rule]]
match = "Describe in a paragraph.*sums"
reply = "It sums."
[[rule]]
match = "Describe in a paragraph"
reply = "It turns bits."
purpose = "describe"
[[rule]]
match = "# sums.*# sums"
reply = "Yes"
[[rule]]
match = "same idea"
reply = "No"
"""


def made(home: Path, command: Command, *words: str) -> None:
    """A run in the folder `r`, or where the words say."""
    row = {"kind": "code", "entry_point": "f", "tests": "assert f(1) == 2"}
    rows = [{"id": f"c/{i}", "question": f"Task {i}: write f(x), one more than x.", **row} for i in range(2)]
    (home / "more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "coder.toml").write_text(PROGRAMS)
    (home / "judge.toml").write_text(JUDGE)
    command("bench", "more.jsonl", "-e", "scripted:coder.toml", "-s", "self_consistency(samples=3)", *words)


@pytest.fixture
def run(home: Path, command: Command) -> str:
    """A run of two problems with three programs each, of which two share an idea."""
    made(home, command, "--run", "r")
    return "r"


E_ = ("-e", "scripted:judge.toml")


def calls(folder: Path) -> int:
    with closing(sqlite3.connect(folder / INSIDE / "journal.sqlite")) as journal:
        found: int = journal.execute("SELECT count(*) FROM attempts").fetchone()[0]
    return found


def test_json_tells_the_diversity_of_each_strategy(command: Command, run: str, home: Path) -> None:
    done = command("runs", "ideas", run, *E_, "--json")
    told = done.json
    assert (told["schema"], told["judge"]) == ("ideas/1", "scripted:judge.toml")
    (row,) = told["results"]
    assert (row["strategy"], row["problems"], row["programs"], row["pairs"], row["unread"]) == (
        "self_consistency(samples=3)", 2, 6, 6, 0,
    )  # fmt: skip
    assert row["diversity"] == pytest.approx(2 / 3)
    assert row["ci95"][0] <= row["diversity"] <= row["ci95"][1]
    assert told["usage"]["calls"] == 12
    assert calls(home / "r") == 12


def test_the_table_says_what_the_number_is(command: Command, run: str) -> None:
    done = command("runs", "ideas", run, *E_)
    assert "0.667" in done.out
    assert "judged by scripted:judge.toml" in done.out
    assert done.lines[-1] == "the chance that two programs for one problem differ in idea; 12 calls"


def test_the_same_again_asks_nothing(command: Command, run: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = command("runs", "ideas", run, *E_, "--json").json
    again = command("runs", "ideas", run, *E_, "--json").json
    assert again["results"] == first["results"]
    assert (again["usage"]["cached_calls"], calls(home / "r")) == (12, 12)


def test_what_a_budget_ended_goes_on_where_it_was(command: Command, run: str, home: Path) -> None:
    cut = command("runs", "ideas", run, *E_, "--run-budget", "calls=7", code=4)
    assert "go on with the same command" in cut.err
    assert calls(home / "r") == 7
    whole = command("runs", "ideas", run, *E_, "--json").json
    assert (whole["usage"]["calls"], whole["usage"]["cached_calls"]) == (12, 7)
    assert calls(home / "r") == 12


def test_a_dry_run_asks_nobody_and_leaves_nothing(
    command: Command, run: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))
    told = command("runs", "ideas", run, *E_, "--dry-run", "--json").json
    assert told["total"]["calls"] == {"least": 12, "expected": 12.0, "most": 30}
    assert not (home / "r" / INSIDE).exists()


def test_with_prices_and_nobody_to_ask_nothing_begins(command: Command, run: str, home: Path) -> None:
    entry = '[[expert]]\nid = "dear"\nclient = "scripted"\nmodel = "judge.toml"\nprice = { prompt = 1, completion = 2 }'
    (home / "dear.toml").write_text(entry)
    done = command("runs", "ideas", run, "--pool", "dear.toml", code=2)
    assert "12 calls, at most 30, usd=" in done.err
    assert not (home / "r" / INSIDE).exists()
    assert command("runs", "ideas", run, "--pool", "dear.toml", "--yes", "--json").json["usage"]["calls"] == 12


def test_a_role_judges_and_others_do_not(command: Command, run: str) -> None:
    told = command("runs", "ideas", run, "-e", "scripted:coder.toml", "--role", "judge=scripted:judge.toml", "--json")
    assert told.json["judge"] == "scripted:judge.toml"
    assert told.json["results"][0]["diversity"] == pytest.approx(2 / 3)


def test_greedy_limit_and_sample_make_it_cheaper(command: Command, run: str) -> None:
    one = command("runs", "ideas", run, *E_, "--limit", "1", "--greedy", "--json").json
    # The second is like the first, the third is compared with that group alone.
    assert (one["usage"]["calls"], one["results"][0]["diversity"]) == (5, pytest.approx(2 / 3))
    two = command("runs", "ideas", run, *E_, "--sample", "2", "--json").json
    assert two["results"][0]["pairs"] == 2


def test_other_rows_and_rules_are_named(command: Command, run: str) -> None:
    assert "self_consistency" in command("runs", "ideas", run, *E_, "-s", "self_consistancy", code=2).err
    assert "did you mean 'contains'?" in command("runs", "ideas", run, *E_, "--rule", "contain", code=2).err
    told = command("runs", "ideas", run, *E_, "--rule", "contains", "--json").json
    assert told["measure"]["rule"] == "contains"


def test_a_run_without_two_programs_says_how_to_get_them(command: Command, home: Path, echo: str, sums: str) -> None:
    command("bench", sums, "-e", echo, "-s", "self_consistency(samples=2)", "--run", "s")
    done = command("runs", "ideas", "s", "-e", echo, code=2)
    assert "no problem in it has two programs to compare" in done.err
    assert "--verifier none" in done.err


def test_a_set_that_is_gone_is_missed_in_one_line(command: Command, run: str, home: Path) -> None:
    (home / "more.jsonl").unlink()
    done = command("runs", "ideas", run, *E_, code=2)
    assert len(done.lines) == 1
    assert "more.jsonl" in done.err
    assert "--problems" not in done.err


def test_deleting_the_run_deletes_what_was_asked_about_it(command: Command, run: str, home: Path) -> None:
    command("runs", "ideas", run, *E_)
    command("runs", "rm", run, "--yes")
    assert not (home / "r").exists()


def test_the_folder_inside_is_no_run_of_its_own(command: Command, home: Path) -> None:
    made(home, command)
    command("runs", "ideas", "last", *E_)
    assert len(command("runs", "list", "--json").json["runs"]) == 1
