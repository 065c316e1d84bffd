"""A sandbox for the tests of a module, the place of its folders, and whom sources are run as."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.sandbox import Sandbox
from tests.sandbox.cell import User, as_user


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Two workers; started by the first test of the module that needs them, and ended with its last."""
    box = Sandbox(workers=2)
    yield box
    box.close()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the sandbox's folders are made; others may look into it, as into any such place."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)
        monkeypatch.undo()


@pytest.fixture(scope="module", params=["self", "nobody"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    """Whoever runs the tests, and somebody without any rights."""
    with as_user(request.param) as found:
        if found is None:
            pytest.skip("only root with a Python that all can read can try this as somebody else")
        yield found
