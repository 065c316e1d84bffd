"""`init`: a file that is valid as it stands, and with everything in it uncommented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from orchestrator.cli.init import template
from orchestrator.config import load, trust
from orchestrator.config.settings import KEYS, Settings

from .conftest import Command


def uncommented() -> str:
    return re.sub(r"^#(?=[^\s#])", "", template(), flags=re.MULTILINE)


def test_as_it_stands_it_sets_nothing(command: Command, home: Path) -> None:
    before = load()
    done = command("init")
    assert done.out == f"{home / 'orchestrator.toml'}\n"
    assert tomllib.loads(template()) == {}
    after = load()
    assert (after.settings, after.untrusted) == (before.settings, ())


def test_every_key_is_in_it_and_there_is_no_other() -> None:
    assert set(tomllib.loads(uncommented())) == set(KEYS)


def test_with_everything_uncommented_it_counts(home: Path) -> None:
    (home / "orchestrator.toml").write_text(uncommented())
    trust(home / "orchestrator.toml")
    config = load()
    assert config.untrusted == ()
    assert {key for key in KEYS if config.origin(key).kind == "project"} >= {"strategy", "experts", "pool", "seed"}
    assert {leaf.origin.kind for leaf in config.leaves.values()} == {"project"}


@pytest.mark.parametrize("key", ["concurrency", "min_isolation", "seed"])
def test_a_number_stands_there_with_its_default(key: str) -> None:
    assert tomllib.loads(uncommented())[key] == Settings.model_fields[key].default


def test_a_line_of_it_can_be_uncommented_by_itself() -> None:
    lines = template().splitlines()
    for i, line in enumerate(lines):
        if re.match(r"#[a-z_]+ = ", line):
            tomllib.loads("\n".join([*lines[:i], line[1:], *lines[i + 1 :]]))


def test_a_file_that_is_there_is_left_alone(command: Command, home: Path) -> None:
    path = home / "orchestrator.toml"
    path.write_text("seed = 7\n")
    assert "--force writes over it" in command("init", code=2).err
    assert path.read_text() == "seed = 7\n"
    command("init", "--force")
    assert path.read_text() == template()


def test_a_folder_that_cannot_be_written_is_named(command: Command, home: Path) -> None:
    (home / "orchestrator.toml").mkdir()
    done = command("init", "--force", code=2)
    assert "cannot be written" in done.err
    assert len(done.lines) == 1
