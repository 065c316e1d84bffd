from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

from orchestrator.engine import SqliteJournal
from tests.clock import run_virtual
from tests.faults.course import Virtual


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
