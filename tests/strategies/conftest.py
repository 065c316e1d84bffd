"""A sandbox for every test of a process, patience with it, and files of worked examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.sandbox import Sandbox
from orchestrator.strategies._example_store import Store, WorkedExample
from tests import clock

from .quizzing import POOL


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One for all, as it takes long to start."""
    box = Sandbox(workers=1)
    yield box
    box.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of models run in processes that the clock does not know, and that a busy machine starts late."""
    monkeypatch.setattr(clock, "PATIENCE", 30.0)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., str]:
    """Writes examples into a file; its path as a spec has it."""

    def write(*examples: WorkedExample, **fields: object) -> str:
        path = tmp_path / "examples.json"
        path.write_text(Store(examples or POOL, **fields).to_json(), encoding="utf-8")  # type: ignore[arg-type]
        return f'"{path}"'

    return write
