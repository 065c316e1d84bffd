"""Every strategy from the command line and from a config file, on the built-in sets with the simulated experts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.strategies.entry import entry, names

from .conftest import Command

OF_THEIR_OWN = ("codenames",)
"""Strategies that play a game, and are of use on no other set."""


@pytest.mark.parametrize("name", names())
def test_it_runs_on_a_mix_of_all_sets(name: str, command: Command, tmp_path: Path) -> None:
    spec = entry(name).spec_in(tmp_path)
    set_, fewest = ("codenames", 2) if name in OF_THEIR_OWN else ("mini", 3)
    (row,) = command("bench", set_, "--limit", "6", "-s", spec, "-e", "sim:all", "--json").json["results"]
    assert (row["errors"], row["strategy"].partition("(")[0]) == (0, name)
    assert row["answered"] >= fewest


def test_all_of_them_out_of_a_config_file(command: Command, tmp_path: Path) -> None:
    anywhere = [name for name in names() if name not in OF_THEIR_OWN]
    listed = ", ".join(f"'''{entry(name).spec_in(tmp_path)}'''" for name in anywhere)
    Path("orchestrator.toml").write_text(f"strategy = [{listed}]\nexperts = ['sim:all']\n", encoding="utf-8")
    assert command("config", "trust").code == 0
    results = command("bench", "word_problems:limit=1", "--json").json["results"]
    assert [row["strategy"].partition("(")[0] for row in results] == anywhere
    assert not any(row["errors"] for row in results)
