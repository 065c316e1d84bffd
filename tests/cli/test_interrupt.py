"""Ctrl-C, as a user presses it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from orchestrator.cli import solve

from .conftest import Command

PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from orchestrator.cli import main
sys.argv[0] = "orchestrator"
main()
"""
SLOW = '[[rule]]\nmatch = "."\nreply = "The answer is 40."\n'


def in_flight() -> bool:
    """Whether the run in the folder `r` has a call open; it may not have got as far as to have a journal."""
    path = Path("r", "journal.sqlite")
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=30)) as journal, suppress(sqlite3.OperationalError):
        return bool(journal.execute("SELECT count(*) FROM attempts WHERE state = 'open'").fetchone()[0])
    return False


def interrupted(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs a bench into the folder `r`, and presses Ctrl-C once a call is in flight."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=pipe, stderr=pipe, text=True) as process:
        while not in_flight():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                raise AssertionError(process.communicate())
        process.send_signal(signal.SIGINT)
        return subprocess.CompletedProcess(words, process.wait(60), *process.communicate())


def test_what_is_in_flight_lands_and_the_run_can_go_on(command: Command, home: Path, sums: str) -> None:
    (home / "slow.toml").write_text("latency = 1\n" + SLOW)
    words = ("bench", sums, "-e", "scripted:slow.toml", "-s", "cot", "--concurrency", "1", "--run", "r", "--json")
    done = interrupted(*words)
    assert done.returncode == 130, done.stderr
    assert "orchestrator resume" in done.stderr.splitlines()[-1]
    answered = json.loads(done.stdout)["results"][0]["answered"]
    assert answered == len(Path("r", "results.jsonl").read_text().splitlines())
    assert 1 <= answered < 4
    (home / "slow.toml").write_text(SLOW)
    assert command("resume", "r", "--json").json["results"][0]["answered"] == 4
    with closing(sqlite3.connect(Path("r", "journal.sqlite"))) as journal:
        assert journal.execute("SELECT count(*) FROM attempts").fetchone() == (4,)


def test_solve_ends_in_one_line(command: Command, echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(solve, "_solved", press)
    done = command("solve", "1 + 1?", "-e", echo, "-s", "cot", code=130)
    assert (done.out, done.err) == ("", "interrupted\n")


def test_before_anything_has_begun_it_is_one_line_too(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.cli.options.settled", press)
    assert command("experts", code=130).err == "orchestrator: interrupted\n"
