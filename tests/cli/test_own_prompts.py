"""Prompts of a user's own from the command line, in config files and after a resume."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Command

RULES = """
[[rule]]
match = "^Ahoy"
reply = "The answer is 7."
[[rule]]
match = "."
reply = "The answer is 1."
"""
MINE = "[cot.answer]\ntext = 'Ahoy: $problem'\n"


def written(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_solve_asks_in_them(command: Command) -> None:
    written("e.toml", RULES), written("mine.toml", MINE)
    wanted = ("solve", "3 + 4?", "--kind", "number", "-s", "cot", "-e", "scripted:e.toml")
    assert command(*wanted).out == "1\n"
    assert command(*wanted, "--prompts", "mine.toml").out == "7\n"


def test_a_bench_keeps_them_so_that_a_resume_needs_no_file(command: Command) -> None:
    written("e.toml", RULES), written("mine.toml", MINE)
    done = command(
        "bench", "word_problems:limit=1", "-s", "cot", "-e", "scripted:e.toml", "--prompts", "mine.toml", "--run", "r"
    )
    assert done.code == 0, done.err
    Path("mine.toml").unlink()
    results = Path("r/results.jsonl")
    first = results.read_text()
    assert json.loads(first)["answer"] == "7"
    results.write_text("")
    again = command("resume", "r")
    assert (again.code, results.read_text()) == (0, first)


def test_a_file_that_does_not_hold_is_told_in_one_line(command: Command) -> None:
    written("mine.toml", "[cot.anser]\ntext = 'x'\n")
    done = command("solve", "3 + 4?", "-s", "cot", "--prompts", "mine.toml", code=2)
    assert "unknown template 'anser' in mine.toml: [cot.anser]; did you mean 'answer'?" in done.err
    assert "nosuch.toml: No such file" in command("bench", "mini", "--prompts", "nosuch.toml", code=2).err


def test_those_that_a_project_names_count_once_it_is_trusted(command: Command) -> None:
    written("e.toml", RULES), written("mine.toml", MINE), written("orchestrator.toml", 'prompts = "mine.toml"\n')
    wanted = ("solve", "3 + 4?", "--kind", "number", "-s", "cot", "-e", "scripted:e.toml")
    before = command(*wanted)
    assert (before.out, "ignored prompts" in before.err) == ("1\n", True)
    assert command("config", "trust").code == 0
    assert command(*wanted).out == "7\n"
    written("mine.toml", MINE.replace("Ahoy", "Hello"))
    assert "ignored prompts" in command(*wanted).err
