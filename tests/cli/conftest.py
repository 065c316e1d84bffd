"""The command run inside the test's process, in a home and a folder of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.app import app
from orchestrator.cli.failures import exit_code

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = f"scripted:{ROOT / 'evals' / 'data' / 'sample.scripted.toml'}"
TRAM = "A tram leaves the depot with 37 passengers."
"""Enough of the first problem of the set `sample` for its script to answer."""

ECHO = """
[[rule]]
match = "."
reply = "The answer is 4{i}."
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    @property
    def lines(self) -> list[str]:
        """Of standard error."""
        return self.err.splitlines()


Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with no file of the user's or of a project's."""
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `orchestrator WORDS`; fails when it does not end with `code`."""

    def run(*words: str, code: int = 0, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["orchestrator", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        ended = exit_code(app)
        done = Done(ended, *capsys.readouterr())
        assert ended == code, done
        return done

    return run


def in_a_process(*words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same as a process of its own, as the installed command starts it."""
    program = "import sys; from orchestrator.cli import main; sys.argv[0] = 'orchestrator'; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def echo(home: Path) -> str:
    """An expert whose sample i answers 4i to everything."""
    (home / "echo.toml").write_text(ECHO)
    return "scripted:echo.toml"


@pytest.fixture
def sums(home: Path) -> str:
    """A set of four sums in the problem format, of which the first sample of `echo` solves one."""
    rows = [
        {"id": f"sum/{i}", "kind": "number", "question": f"20 + {20 + i}?", "answer": str(40 + i)} for i in range(4)
    ]
    path = home / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches leave, and are looked at, after shorter pauses than providers are to be asked with."""
    from orchestrator.engine.batching import lane, trip

    monkeypatch.setattr(lane, "LINGER", 0.3)
    monkeypatch.setattr(trip, "FIRST_LOOK", 0.1)
