"""Batches that a provider's list does not tell apart before they have ended: their calls wait, and are paid once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ConnectionLost, RateLimited
from orchestrator.ledger import Scope
from orchestrator.types import Undecided
from tests.engine.batch_stage import Depot, Told, asked, engine, expert, journal_at, texts
from tests.engine.batch_stage import run as in_virtual_time
from tests.engine.stage import PRICE, Stage, request


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return in_virtual_time(work)[0]


@dataclass(eq=False)
class Opaque(Depot):
    """Tells whose a batch is only once it has ended; one of another of as many requests ends after `other` seconds."""

    other: float = 0.0
    told: float = 0.0
    """Calls, and since when, as it was last asked for them."""
    since: float = 0.0

    async def find(self, token: str, calls: int, since: float) -> Any:
        self.told, self.since = calls, since
        now = asyncio.get_running_loop().time()
        open_ = [held.id for held in self.held.values() if now < held.ends_at and len(held.keys) == calls]
        open_ += ["other"] if now < self.other else []
        for held in self.held.values():
            if held.token == token and now >= held.ends_at:
                return held.id
        return Undecided(tuple(open_)) if open_ else None


def lost(number: int) -> ConnectionLost:
    return ConnectionLost("reset", expert="e")


def test_one_that_got_there_is_waited_for_and_found() -> None:
    async def main() -> tuple[list[str], int, int, Told]:
        depot, told, live = Opaque(refusal=lost, other=100.0), Told(), Stage()
        async with engine(depot, live=live, told=told) as made:
            replies = await asked(made, 3)
        assert depot.told == 3
        return texts(replies), depot.submissions, len(live.batches), told

    replies, submissions, at_once, told = run(main())
    assert replies == [f"q{i} #0 " for i in range(3)]
    assert (submissions, at_once) == (1, 0)
    assert len(told) == 1
    assert "it may be one of b1, other" in told[0]


def test_another_s_that_ends_first_was_not_it_and_the_calls_leave_again() -> None:
    async def main() -> tuple[list[str], int, float]:
        class Dropped(Opaque):
            """The first submission is lost on the way; the second gets there."""

            async def submit(self, lines: Any, mode: str, token: str) -> str:
                if self.submissions == 0:
                    self.submissions += 1
                    raise lost(1)
                return await super().submit(lines, mode, token)

        depot = Dropped(other=5000.0)
        async with engine(depot) as made:
            replies = await asked(made, 3)
        return texts(replies), len(depot.held), depot.held["b1"].ends_at

    replies, batches, ended = run(main())
    assert replies == [f"q{i} #0 " for i in range(3)]
    assert batches == 1
    assert ended > 5000.0  # nothing was sent while it might have been there


def test_what_nobody_can_tell_within_its_window_is_charged_and_asked_at_once() -> None:
    async def main() -> tuple[list[str], float, float, float]:
        depot, scope, live = (
            Opaque(refusal=lost, other=1e9, seconds=lambda number: 1e9),
            Scope("run", paid=True),
            Stage(),
        )
        async with engine(depot, expert(window="2h"), live=live) as made:
            replies = await asked(made, 2, scope)
            return texts(replies), scope.spent.usd, live.billed.usd, asyncio.get_running_loop().time()

    replies, spent, at_once, seconds = run(main())
    assert replies == ["q0 #0 ", "q1 #0 "]
    worst = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(2)) / 2
    assert spent == pytest.approx(at_once + worst)
    assert 4 * 3600 < seconds < 4 * 3600 + 300


def test_a_later_process_waits_for_it_too(tmp_path: Path) -> None:
    path, depot = tmp_path / "journal.sqlite", Opaque(refusal=lost, seconds=lambda number: 9000.0)

    async def first() -> None:
        async with engine(depot, journal=journal_at(path)) as made:
            asking = asyncio.ensure_future(asked(made, 4))
            await asyncio.sleep(100.0)
            made.stop()
            await asking

    async def second() -> tuple[list[str], int]:
        depot.held["b1"].ends_at = asyncio.get_running_loop().time() + 3000.0
        async with engine(depot, journal=journal_at(path)) as made:
            return texts(await asked(made, 4)), depot.submissions

    run(first())
    assert run(second()) == ([f"q{i} #0 " for i in range(4)], 1)
    assert depot.told == 4


def test_one_that_cannot_be_told_apart_is_not_cancelled_in_its_place() -> None:
    async def main() -> tuple[bool, Told]:
        depot, told = Opaque(refusal=lost, seconds=lambda number: 1e6), Told()
        async with engine(depot, told=told) as made:
            asking = asyncio.ensure_future(asked(made, 2))
            await asyncio.sleep(100.0)
            made.stop()
            await asking
        return depot.held["b1"].cancelled, told

    cancelled, told = run(main())
    assert not cancelled
    assert "could not be cancelled (it may be b1" in told[-1]


def test_a_queue_that_is_full_of_ours_is_no_refusal() -> None:
    """Batches are not given up for calls at the full price while those that are out make room."""

    async def main() -> tuple[list[str], int, int]:
        full = RateLimited("the queue is full", expert="e")
        depot, live = Depot(seconds=lambda number: 3000.0, refusal=lambda n: full if 1 < n < 12 else None), Stage()
        async with engine(depot, expert(requests=2), live=live) as made:
            replies = await asked(made, 4)
        return texts(replies), len(depot.held), len(live.batches)

    assert run(main()) == ([f"q{i} #0 " for i in range(4)], 2, 0)
