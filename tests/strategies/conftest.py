"""A sandbox for every test of a process that runs programs: starting one takes longer than most of what runs there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox(workers=1)
    yield box
    box.close()
