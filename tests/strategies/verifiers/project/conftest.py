"""Projects to be edited: one as files alone, one in git with tests of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox import Sandbox

from . import editing
from .mending import FILES, project


@pytest.fixture(scope="module")
def no_plugins() -> Iterator[None]:
    """pytest starts twice as fast without the plugins that this project has installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        yield


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of most tests, which leave it as it is: its baseline is run once."""
    return project(tmp_path_factory.mktemp("project"), FILES)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that are run."""
    found: list[tuple[str, ...]] = []
    run_command = Sandbox.command

    async def noted(box: Sandbox, command: Any, *rest: Any) -> Any:
        found.append(command.argv)
        return await run_command(box, command, *rest)

    monkeypatch.setattr(Sandbox, "command", noted)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files of `editing` in a folder of their own."""
    for path, text in editing.FILES.items():
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_bytes(text.encode())
    return tmp_path / "copy"
