"""Every strategy from the command line with experts that cannot help: one clear line, and the right exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.types import Problem
from tests.strategies.entry import Entry, entry, names

from .conftest import Command, Done

MUTE = '[[rule]]\nmatch = "words that nobody says"\nreply = "."\n'
SAYS = '[[rule]]\nmatch = "."\nreply = "{}"\n'
ANY = [name for name in names() if name != "codenames"]
READ = [name for name in ANY if entry(name).problem.kind != "text"]
"""Those that look for an answer of some form; of a text, anything is one."""


@pytest.fixture(params=ANY)
def one(request: pytest.FixtureRequest) -> Entry:
    """Codenames is played on boards alone, and a file with one problem has none."""
    return entry(request.param)


def solve(command: Command, one: Entry, script: str, code: int) -> Done:
    Path("script.toml").write_text(script, encoding="utf-8")
    table = '[[expert]]\nid = "{}"\nclient = "scripted"\nmodel = "script.toml"\n'
    Path("pool.toml").write_text("".join(map(table.format, one.experts)), encoding="utf-8")
    Path("problem.json").write_text(json.dumps(row(one.problem)), encoding="utf-8")
    words = ("--problem", "problem.json", "--pool", "pool.toml", "-s", one.spec_in(Path.cwd()))
    return command("solve", *words, code=code)


def row(problem: Problem) -> dict[str, object]:
    shown: dict[str, object] = {"id": problem.id, "kind": problem.kind, "question": problem.question}
    if problem.options:
        shown["options"] = list(problem.options)
    if problem.public_tests:
        shown["public_tests"] = list(problem.public_tests)
    return shown


def test_no_expert_is_left(one: Entry, command: Command) -> None:
    done = solve(command, one, MUTE, code=5)
    assert done.out == ""
    (told,) = [line for line in done.lines if "no answer" in line]
    assert "no rule for" in told
    assert "Traceback" not in done.err


@pytest.mark.parametrize("said", ["hm.", "I'm sorry, but I can't help with that."], ids=["hm", "sorry"])
@pytest.mark.parametrize("one", READ, indirect=True)
def test_nothing_that_is_said_can_be_read(one: Entry, said: str, command: Command) -> None:
    done = solve(command, one, SAYS.format(said), code=3)
    (told,) = [line for line in done.lines if "no answer" in line]
    assert done.out == ""
    if said in told:
        assert told.startswith("no answer could be read out of ")
    else:
        assert told.endswith("came, and nothing in them was of use")
        assert not told.startswith("no answer: 0 ")
