"""What is wrong with a project or with the settings of its tests is told, and blames no candidate."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.config import load
from orchestrator.errors import ConfigError, SandboxUnavailable, VerifierError
from orchestrator.registry import build
from orchestrator.sandbox import Sandbox
from orchestrator.types import Candidate

from .mending import ASKED, CALC, GOOD, REAL, checked, git, project, verifier, whole

pytestmark = REAL


async def test_without_git_there_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "calc.py").write_text(CALC)
    with pytest.raises(VerifierError, match="is not in a git repository; project_tests copies tracked files only"):
        await checked(tmp_path, whole(GOOD))
    git(tmp_path, "init", "-q")
    with pytest.raises(VerifierError, match="git tracks no file in"):
        await checked(tmp_path, whole(GOOD))


@pytest.mark.parametrize(
    ("files", "command", "says"),
    [
        ({"calc.py": CALC}, "python -m pytest -q", "its command runs no test"),
        ({"calc.py": CALC}, "python -m pytest -q --no-such-option", "unrecognized arguments: --no-such-option"),
        ({"conftest.py": "1 / 0"}, "python -m pytest -q", "ZeroDivisionError"),
    ],
    ids=["no-test", "option", "conftest"],
)
async def test_a_project_whose_own_tests_do_not_run_blames_no_candidate(
    tmp_path: Path, files: dict[str, str], command: str, says: str, runs: list[tuple[str, ...]]
) -> None:
    folder = project(tmp_path, files)
    for _ in range(2):
        with pytest.raises(VerifierError, match="on the unedited copy of") as caught:
            await checked(folder, whole(GOOD), command)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"command": "pytset -q"}, "there is no program 'pytset'"),
        ({"command": ""}, "the command is empty"),
        ({"command": "pytest 'q"}, "No closing quotation"),
        ({"command": "make test"}, "put {report} into it"),
        ({"command": "pytest", "folder": "no/such"}, "folder=no/such is not a folder"),
        ({}, "needs command"),
    ],
)
def test_settings_that_cannot_work_are_told_before_anything_is_asked(settings: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=r"project_tests") as caught:
        build("verifiers", "project_tests", settings)
    assert says in str(caught.value)


def test_from_a_project_s_file_a_command_counts_once_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "orchestrator.toml").write_text("verifier = 'project_tests(command=\"pytest -q\")'\n")
    config = load(tmp_path, {}, {})
    assert (config.settings.verifier, config.untrusted) == (None, ("verifier",))
    given = load(tmp_path, {"verifier": "project_tests(command='pytest -q')"}, {})
    assert given.settings.verifier is not None


async def test_a_level_that_is_not_reached_ends_it(common: Path) -> None:
    box: Any = SimpleNamespace(sandbox=Sandbox(min_level=5))
    candidate = Candidate("0", "p", whole(GOOD), None, None, "e", "s", (0,))
    with pytest.raises(SandboxUnavailable, match="5 is wanted"):
        await verifier(common)(ASKED, candidate, box)
