"""What went wrong, as one line and an exit code."""

from __future__ import annotations

import sys

import pytest
import typer

from orchestrator.cli.failures import exit_code
from orchestrator.errors import (
    BenchmarkError,
    BudgetExceeded,
    ConfigError,
    JournalError,
    RateLimited,
    SandboxUnavailable,
    UnknownName,
    WrongKey,
)

CODES = {
    "config": (ConfigError("no"), 2, "no"),
    "name": (UnknownName("fruit", "appel", ["apple"]), 2, "did you mean 'apple'?"),
    "set": (BenchmarkError("no", "x.jsonl", 3), 2, "x.jsonl:3: no"),
    "budget": (BudgetExceeded("run", "calls", 3, 4), 4, "needs calls=4"),
    "expert": (RateLimited("slow down", expert="e"), 5, "e: slow down"),
    "key": (WrongKey("401", expert="e"), 5, "e: 401"),
    "sandbox": (SandboxUnavailable("no process"), 6, "no process"),
    "journal": (JournalError("disk full"), 1, "disk full"),
    "system": (OSError(28, "No space left on device", "/x"), 1, "/x: No space left on device"),
    "bug": (ZeroDivisionError("by\nzero"), 1, "internal error: ZeroDivisionError: by zero"),
    "Ctrl-C": (KeyboardInterrupt(), 130, "interrupted"),
    "inside a group": (ExceptionGroup("g", [ValueError("x"), ExceptionGroup("h", [ConfigError("no")])]), 2, "no"),
    "steering signs": (ConfigError("a\x1b[2Jb"), 2, "a\\x1b[2Jb"),
}


def ended(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["orchestrator"])
    return exit_code(app)


@pytest.mark.parametrize("case", CODES)
def test_every_failure_is_one_line_and_a_code(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error, code, told = CODES[case]
    assert ended(error, monkeypatch) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.startswith("orchestrator: ")
    assert err.count("\n") == 1


def test_a_bug_can_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        ended(ZeroDivisionError("x"), monkeypatch)
    assert ended(ConfigError("no"), monkeypatch) == 2
