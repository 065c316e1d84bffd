"""What chooses among PlanSearch's programs, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Command

PLANS = r"""
[[rule]]
purpose = "tests"
match = "."
replies = ["assert double(3) == 9", "assert double(3) == 6\nassert double(1) == 2"]
[[rule]]
purpose = "shortlist"
match = "."
reply = '["Doubling is adding."]'
[[rule]]
purpose = "plan"
match = "Doubling is adding"
reply = "Add it up."
[[rule]]
purpose = "plan"
match = "."
reply = "Square it."
[[rule]]
purpose = "fix"
match = "Add it up"
reply = "Add it up, shortly."
[[rule]]
purpose = "fix"
match = "."
reply = "Cube it."
[[rule]]
purpose = "pseudocode"
match = "plan:\n\n([A-Z][^.]*)"
reply = "{1}."
[[rule]]
purpose = "answer"
match = "outline:\n\nAdd it up, shortly"
reply = "```python\ndef double(x):\n    return x + x\n```"
[[rule]]
purpose = "answer"
match = "outline:\n\nAdd it up"
reply = "```python\ndef double(x):\n    total = x + x\n    return total\n```"
[[rule]]
purpose = "answer"
match = "outline:\n\nSquare it"
reply = "```python\ndef double(x):\n    return x * x\n```"
[[rule]]
purpose = "answer"
match = "outline:\n\nCube it"
reply = "```python\ndef double(x):\n    return x * x * x\n```"
[[rule]]
match = "."
reply = "Doubling is adding."
"""
SPEC = ("-e", "scripted:plans.toml", "-s", "plansearch(depth=1, keep=1, subset_size=1, turns=2)")
ASKED = "Write double(x): twice a number."
SELECTORS = {
    "written tests": ("--verifier", "generated_tests(samples=2)"),
    "codet": ("--aggregator", "codet(samples=2)"),
    "clusters": ("--aggregator", "execution_clusters(samples=2)"),
    "clusters by plan": ("--aggregator", "execution_clusters(samples=2, pick=planned)"),
}


@pytest.fixture(autouse=True)
def _expert(home: Path) -> None:
    (home / "plans.toml").write_text(PLANS)


@pytest.mark.parametrize("selector", SELECTORS)
def test_it_finds_a_right_program(command: Command, home: Path, selector: str) -> None:
    """A vote would take the first of four different ones, which is wrong."""
    row = {
        "id": "double",
        "kind": "code",
        "entry_point": "double",
        "question": ASKED,
        "tests": "assert double(5) == 10",
    }
    (home / "set.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = command("bench", "set.jsonl", *SPEC, *SELECTORS[selector], "--json").json["results"]
    assert (found["solved"], found["candidates"]) == (1, 4)
    assert command("bench", "set.jsonl", *SPEC, "--json").json["results"][0]["solved"] == 0


def test_public_tests_find_one_too(command: Command) -> None:
    words = ("--kind", "code", *SPEC)
    (row, plain) = (
        command("solve", ASKED, *words, *tests, "--json").json for tests in (("--test", "assert double(3) == 6"), ())
    )
    assert "x + x" in row["answer"]  # whichever of the right ones was there first
    assert row["chosen_by"] == "verified"
    assert "x * x" in plain["answer"]
