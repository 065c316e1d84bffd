"""A project whose `add` is to be mended, and what its own tests say of replies that do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.registry import build
from orchestrator.sandbox import Sandbox
from orchestrator.types import Candidate, Message, Problem, Verdict

ASKED = Problem("p", (Message("user", "Mend add."),), "text")
RUN: Any = SimpleNamespace(sandbox=Sandbox())
CALC = "def add(a, b):\n    return a - b\n"
TESTS = """\
import pytest
from calc import add


def test_add():
    assert add(1, 2) == 3


@pytest.mark.parametrize("x", [0, 5])
def test_zero(x):
    assert add(x, 0) == x


@pytest.mark.skip
def test_later():
    assert add(0, 0) == 1
"""
FILES = {"calc.py": CALC, "tests/test_calc.py": TESTS, "conftest.py": "", "setup.cfg": "[metadata]\nname = calc\n"}
GOOD = "def add(a, b):\n    return a + b\n"
BAD = "def add(a, b):\n    return 7\n"
RUNNER = """\
import sys
from calc import add
outcome = "" if add(1, 2) == 3 else "<failure/>"
with open(sys.argv[1], "w") as report:
    report.write(f'<testsuite><testcase name="sum">{outcome}</testcase></testsuite>')
"""
"""A check that is no pytest, and writes its report where it is told."""
REAL = [
    pytest.mark.skipif(sys.platform != "linux", reason="commands are confined on Linux only"),
    pytest.mark.usefixtures("no_plugins"),
]
"""Marks of tests that run the project's own."""


def whole(text: str, path: str = "calc.py") -> str:
    return f"{path}\n```python\n{text}```\n"


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def project(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    return folder


def verifier(folder: Path, command: str = "python -m pytest -q", **more: object) -> Any:
    settings = {"command": command, "folder": str(folder), "pass_env": ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"], **more}
    return build("verifiers", "project_tests", settings)


async def checked(folder: Path, reply: str, command: str = "python -m pytest -q", **more: object) -> Verdict:
    candidate = Candidate("0", "p", reply, reply, reply, "e", "s", (0,))
    found: Verdict = await verifier(folder, command, **more)(ASKED, candidate, RUN)
    assert found.verifier == "project_tests"
    assert found.cooperative
    assert "\n" not in found.reason
    return found
