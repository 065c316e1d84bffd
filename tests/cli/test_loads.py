"""Loads of models that share memory, in what `bench` and `runs show` print."""

from __future__ import annotations

from pathlib import Path

from .conftest import Command

POOL = """
[[expert]]
id = "a"
client = "scripted"
model = "echo.toml"
resident_group = "card"

[[expert]]
id = "b"
client = "scripted"
model = "echo.toml"
resident_group = "card"
loader = "none"
"""


def test_loads_are_counted_where_models_share_memory(command: Command, home: Path, echo: str, sums: str) -> None:
    (home / "pool.toml").write_text(POOL.replace('model = "echo.toml"\n', 'model = "other.toml"\n', 1))
    (home / "other.toml").write_text((home / "echo.toml").read_text())
    found = command("bench", sums, "--pool", "pool.toml", "-s", "self_consistency(samples=2)", "--json").json
    assert found["loads"] == {"a": 1, "b": 1}
    assert command("runs", "show", "last", "--json").json["loads"] == {"a": 1, "b": 1}
    assert "models loaded 2 times: a 1, b 1" in command("runs", "show", "last").out


def test_other_runs_tell_nothing_of_loads(command: Command, echo: str, sums: str) -> None:
    assert "loads" not in command("bench", sums, "-e", echo, "--json").json
    assert "loads" not in command("runs", "show", "last", "--json").json
