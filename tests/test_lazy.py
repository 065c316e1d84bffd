"""Starting costs little: nothing heavy is loaded before it is needed."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

HEAVY = ("litellm", "pydantic", "networkx", "numpy", "scipy", "sympy", "math_verify", "sklearn", "aiohttp", "openai")

HELP = """
import contextlib, io, sys
from orchestrator.cli import main
sys.argv = ["orchestrator", *{arguments}]
with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
    main()
assert "{expected}" in shown.getvalue(), shown.getvalue()
"""


def loaded(program: str) -> set[str]:
    """Top-level modules in `sys.modules` once a fresh interpreter has run the program."""
    ending = "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", program + ending], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_leaves_everything_for_later() -> None:
    modules = loaded(
        "import orchestrator; assert not [m for m in __import__('sys').modules if m.startswith('orchestrator.')]"
    )
    assert "orchestrator" in modules
    assert not modules & {*HEAVY, "asyncio", "rich", "typer", "tenacity"}


def test_values_need_nothing_heavy() -> None:
    modules = loaded("from orchestrator import Budget, Expert, Problem, Message, OrchestratorError, Strategy, strategy")
    assert not modules & {*HEAVY, "rich", "typer", "tenacity"}


def test_solve_is_there_before_any_library_that_serves_it() -> None:
    assert not loaded("from orchestrator import Orchestrator, Run, asolve, solve") & {*HEAVY, "rich", "typer"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["--help"], "bench"), (["solve", "--help"], "--budget"), (["bench", "--help"], "--run")],
)
def test_help_loads_nothing_heavy(arguments: list[str], expected: str) -> None:
    # typer itself loads pydantic to build the parameters of a command; the command list needs none.
    typers_own = {"pydantic"} if len(arguments) > 1 else set()
    assert not loaded(HELP.format(arguments=arguments, expected=expected)) & (set(HEAVY) - typers_own)


def test_help_takes_under_a_third_of_a_second() -> None:
    seconds = [cpu_seconds(HELP.format(arguments=["--help"], expected="bench")) for _ in range(3)]
    assert min(seconds) < 0.3, seconds


def cpu_seconds(program: str) -> float:
    """Processor time of a fresh interpreter: other work on the machine disturbs it less than the time of day."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
