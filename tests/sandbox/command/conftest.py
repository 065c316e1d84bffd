"""A folder, its copy and a command that works on it, in both ways to confine it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox import command_job
from orchestrator.sandbox.command import Command, CommandLimits, CommandRun, run_command
from tests.sandbox.command.runner import Runner


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder `folder`, its copy `copy`, and `secret` beside them."""
    for name in ("folder", "copy"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret").write_text("hidden")
    return tmp_path


@pytest.fixture(params=["inside", "beside"])
def run(request: pytest.FixtureRequest, place: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs a command; `beside` as where this machine would have no namespaces."""
    if request.param == "beside":
        # A folder that is not there to build the view in: the first process fails and the second way is taken.
        monkeypatch.setattr(command_job, "_ROOT", "none")

    async def run(*argv: str, limits: CommandLimits | None = None, **more: Any) -> CommandRun:
        command = Command(argv, place / "copy", place / "folder", **more)
        done = await run_command(command, limits or CommandLimits(seconds=60))
        if request.param == "inside" and "mountns" not in done.isolation.mechanisms:
            pytest.skip(f"no namespaces here: {done.isolation.reasons}")
        return done

    return run


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    with suppress(ChildProcessError):  # there may be children of others, but no dead one that nobody waited for
        assert os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
