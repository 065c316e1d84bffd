"""A bench in a process of its own, interrupted as people and supervisors interrupt it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .benching import VOTE, in_flight, lines, open_calls

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # test runners in the background ignore it
from orchestrator.cli import main
sys.argv[0] = "orchestrator"
main()
"""
SCRIPT = """
latency = "uniform:0.01,0.05"
max_n = 1
[[rule]]
match = "twice"
replies = ["The answer is 4.", "The answer is 5.", "The answer is 4."]
"""
PATIENCE = 60.0


class Command:
    """`orchestrator` in a folder that has a set of problems and a scripted expert."""

    def __init__(self, folder: Path, problems: int = 60, script: str = SCRIPT) -> None:
        self.folder = folder
        rows = [
            {"id": f"toy/{i}", "kind": "number", "question": f"Number {i}: what is twice 2?", "answer": "4"}
            for i in range(problems)
        ]
        (folder / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "expert.toml").write_text(script)

    def bench(self, run: str) -> subprocess.Popen[str]:
        words = ("bench", "set.jsonl", "-e", "scripted:expert.toml", "-s", "cot", "-s", VOTE, "--concurrency", "4")
        return self.start(*words, "--run", run, "--json")

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )


def until(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Waits for what a process does to its files."""
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.005)


def written(run: Path) -> int:
    results = run / "results.jsonl"
    return results.read_bytes().count(b"\n") if results.exists() else 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_says_how_to_go_on_and_ends_as_an_undisturbed_one(
    tmp_path: Path, number: signal.Signals
) -> None:
    command, run = Command(tmp_path), tmp_path / "run"
    whole = command.bench("whole")
    process = command.bench("run")
    until(process, lambda: written(run) >= 20)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert "orchestrator resume" in err.splitlines()[-1]
    kept = len(lines(run))
    assert 20 <= kept < 120
    assert sum(row["calls"] for row in json.loads(out)["results"]) > 0
    assert open_calls(run) == 0
    again = command.start("resume", "run", "--json")
    table = json.loads(again.communicate(timeout=PATIENCE)[0])["results"]
    undisturbed = json.loads(whole.communicate(timeout=PATIENCE)[0])["results"]
    assert again.returncode == whole.returncode == 0
    assert lines(run) == lines(tmp_path / "whole")
    assert len(lines(run)) == 120
    assert [row["calls"] for row in table] == [row["calls"] for row in undisturbed] == [60, 180]
    assert table[0]["seconds"] > 0


def test_a_second_interruption_does_not_wait_for_what_is_in_flight(tmp_path: Path) -> None:
    command, run = Command(tmp_path, script=SCRIPT.replace('"uniform:0.01,0.05"', "600")), tmp_path / "run"
    process = command.bench("run")
    until(process, lambda: in_flight(run))
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "interrupt again" not in (line := process.stderr.readline()):
        assert line, "it ended after the first"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert "orchestrator resume" in err.splitlines()[-1]
    assert lines(run) == []
    assert open_calls(run) == 0
