"""`solve` with a project's own tests: what is said of an answer that passed them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are confined on Linux only")

VERIFIER = "project_tests(command='python -m pytest -q', pass_env=[PYTEST_DISABLE_PLUGIN_AUTOLOAD])"
TESTS = "from calc import add\n\ndef test_add():\n    assert add(1, 2) == 3\n"


@pytest.fixture
def edits(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project in the working folder, and an expert whose second reply mends it."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (home / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (home / "test_calc.py").write_text(TESTS)
    for words in (["init", "-q"], ["add", "calc.py", "test_calc.py"]):
        subprocess.run(["git", *words], cwd=home, check=True, capture_output=True)
    bodies = (f"calc.py\n```python\ndef add(a, b):\n    return a {sign} b\n```" for sign in "*+")
    replies = ", ".join(f"'''{body}'''" for body in bodies)
    (home / "edits.toml").write_text(f'[[rule]]\nmatch = "."\nreplies = [{replies}]\n')
    return "scripted:edits.toml"


def test_what_passed_is_told_as_cooperative(command: Command, edits: str, home: Path) -> None:
    arguments = ("solve", "Mend add.", "-e", edits, "--verifier", VERIFIER)
    done = command(*arguments, "-s", "best_of_n(samples=2)")
    assert done.out == "calc.py\n```python\ndef add(a, b):\n    return a + b\n```\n"
    assert done.lines == [
        "cooperative, not verified: it passed tests that run in one process with it, so read it before you use it"
    ]
    assert (home / "calc.py").read_text() == "def add(a, b):\n    return a - b\n"
    shown = command(*arguments, "-s", "best_of_n(samples=2)", "--json").json
    assert shown["chosen_by"] == "cooperative"


def test_what_failed_is_exit_3(command: Command, edits: str) -> None:
    done = command("solve", "Mend add.", "-e", edits, "-s", "cot", "--verifier", VERIFIER, "--json", code=3)
    assert done.json["chosen_by"] == "vote"
    assert done.json["isolation"]["level"] >= 2


def test_tests_that_do_not_run_blame_nobody(command: Command, edits: str, home: Path) -> None:
    (home / "calc.py").unlink()
    (home / "test_calc.py").write_text("")
    done = command("solve", "Mend add.", "-e", edits, "-s", "cot", "--verifier", VERIFIER)
    assert "on the unedited copy of" in done.err
    assert "its command runs no test" in done.err


def test_a_command_that_is_not_there_is_exit_2_before_anybody_is_asked(command: Command, edits: str) -> None:
    done = command("solve", "Mend add.", "-e", edits, "--verifier", "project_tests(command=pytset)", code=2)
    assert "there is no program 'pytset'" in done.err


def test_isolation_that_is_not_reached_is_exit_6(command: Command, edits: str) -> None:
    done = command(
        "solve", "Mend add.", "-e", edits, "-s", "cot", "--verifier", VERIFIER, "--min-isolation", "5", code=6
    )
    assert "5 is wanted" in done.err
