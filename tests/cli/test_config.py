"""`config`: what counts, where it comes from, and the user's own file."""

from __future__ import annotations

from pathlib import Path

from .conftest import Command


def test_a_value_that_is_set_is_shown_with_its_origin(command: Command) -> None:
    command("config", "set", "budget.usd", "0.2")
    command("config", "set", "strategy", "cot")
    rows = {row["key"]: row for row in command("config", "show", "--json").json["settings"]}
    assert (rows["budget.usd"]["value"], rows["strategy"]["value"]) == (0.2, ["cot"])
    assert rows["budget.usd"]["origin"].startswith("user ")
    assert rows["seed"]["origin"] == "default"
    shown = command("config", "show", "--origin").out
    assert "config.toml" in shown
    assert "config.toml" not in command("config", "show").out
    command("config", "unset", "strategy")
    assert "strategy" not in command("config", "show").out


def test_the_environment_counts_more_than_files(command: Command, home: Path, monkeypatch: object) -> None:
    import pytest

    assert isinstance(monkeypatch, pytest.MonkeyPatch)
    command("config", "set", "seed", "1")
    (home / "orchestrator.toml").write_text("seed = 2\n")
    command("config", "trust")
    monkeypatch.setenv("ORCHESTRATOR_SEED", "3")
    rows = {row["key"]: row for row in command("config", "show", "--json").json["settings"]}
    assert (rows["seed"]["value"], rows["seed"]["origin"]) == (3, "environment ORCHESTRATOR_SEED")


def test_secrets_are_masked(command: Command, home: Path) -> None:
    (home / "orchestrator.toml").write_text(
        'api_base = "https://me:hidden1@host/v1"\n[[expert]]\nid = "e"\nheaders = { X = "hidden2" }\n'
    )
    command("config", "trust")
    for words in (("show",), ("show", "--origin"), ("show", "--json")):
        assert "hidden" not in command("config", *words).out


def test_trust_ends_with_a_change_or_when_it_is_taken_back(command: Command, home: Path) -> None:
    file = home / "orchestrator.toml"
    file.write_text("seed = 2\n")
    assert "ignored seed" in command("config", "show").err
    assert f"{file}" in command("config", "trust").err
    assert command("config", "show").err == ""
    assert command("config", "path", "--json").json["project"] == {"path": str(file), "trusted": True}
    assert "no longer trusted" in command("config", "trust", "--revoke").err
    assert "was not trusted" in command("config", "trust", "--revoke").err
    assert command("config", "path", "--json").json["project"]["trusted"] is False
    assert "(not trusted)" in command("config", "path").out
    command("config", "trust", str(file))
    file.write_text("seed = 3\n")
    assert "ignored seed" in command("config", "show").err


def test_the_paths_are_told(command: Command) -> None:
    shown = command("config", "path").out
    assert "not there yet" in shown
    assert "project: none" in shown
