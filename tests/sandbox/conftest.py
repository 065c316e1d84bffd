"""A sandbox for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.sandbox import Sandbox


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Two workers; started by the first test of the module that needs them, and ended with its last."""
    box = Sandbox(workers=2)
    yield box
    box.close()
