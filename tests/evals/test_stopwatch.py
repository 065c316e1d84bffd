"""Seconds of a run over all its invocations, as a kill would leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engine import SqliteJournal
from orchestrator.evals.stopwatch import SECONDS, Stopwatch


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_it_goes_on_from_what_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    for invocation in range(3):
        journal = SqliteJournal(tmp_path / "journal.sqlite")
        watch = Stopwatch(journal, clock)
        assert watch.before == pytest.approx(10.0 * invocation)
        clock.now += 10.0
        assert (watch.here, watch.seconds) == pytest.approx((10.0, 10.0 * (invocation + 1)))
        assert watch.start == pytest.approx(100.0)
        watch.note(now=True)
        await journal.aclose()


async def test_it_is_noted_once_a_second_so_that_a_kill_loses_no_more(tmp_path: Path) -> None:
    clock, noted = Clock(), list[float]()
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    watch = Stopwatch(journal, clock)
    for _ in range(100):
        clock.now += 0.1
        watch.note()
        if (kept := round(watch._noted - 100.0, 6)) not in noted:
            noted.append(kept)
    assert len(noted) in (10, 11)
    await journal.aclose()
    again = SqliteJournal(tmp_path / "journal.sqlite")
    assert again.recall(SECONDS) == pytest.approx(10.0, abs=1.01)
    await again.aclose()
