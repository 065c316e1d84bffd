from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from typing import Any

import pytest

from orchestrator.engine import SqliteJournal
from tests.clock import run_virtual
from tests.faults.commands import Command, Nursery
from tests.faults.course import Virtual
from tests.faults.killing import Scene, Undisturbed, Whole, results


@pytest.fixture
def virtual(virtual_time: None, monkeypatch: pytest.MonkeyPatch) -> Virtual:
    """Runs a coroutine in virtual time, which stands still while the journal's thread works."""
    writing = 0

    def watched(write: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
        @wraps(write)
        async def watch(*args: Any, **kwargs: Any) -> Any:
            nonlocal writing
            writing += 1
            try:
                return await write(*args, **kwargs)
            finally:
                writing -= 1

        return watch

    for name in ("open", "reply", "link"):
        monkeypatch.setattr(SqliteJournal, name, watched(getattr(SqliteJournal, name)))
    return lambda work: run_virtual(work, busy=lambda: writing > 0)[0]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where commands start without seconds of imports."""
    with Nursery() as started:
        yield started


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Undisturbed:
    """Runs a scene in peace, once."""
    known: dict[str, Whole] = {}

    def whole(scene: Scene) -> Whole:
        if scene.name not in known:
            folder = tmp_path_factory.mktemp(scene.name)
            with scene.double() as double:
                Command(scene.write(folder, double.base_url), folder, nursery).end()
                stats = double.stats()
            known[scene.name] = Whole(results(folder / "run"), stats)
        return known[scene.name]

    return whole
