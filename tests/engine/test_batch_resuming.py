"""Batches that an earlier process left out: found, fetched and paid once, at once or days later."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.errors import ConnectionFailed, ExpertError, WrongKey
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Asked, BatchResult, BatchStanding
from tests.engine.batch_stage import Depot, Told, asked, engine, journal_at, texts
from tests.engine.resuming import FOUR, interrupted, resumed, run
from tests.engine.stage import PRICE, Stage, request

DAY = 86_400.0


class TestResuming:
    """Each engine is a process: what one leaves out, the next finds."""

    def test_the_same_batch_is_picked_up_and_nothing_is_sent_or_paid_twice(self, tmp_path: Path) -> None:
        depot = Depot()
        interrupted(tmp_path / "j", depot)
        replies, scope, _ = resumed(tmp_path / "j", depot)
        assert replies == FOUR
        assert (depot.submissions, set(depot.answered.values())) == (1, {1})
        assert scope.spent.usd == pytest.approx(depot.billed.usd)
        assert (scope.reserved, scope.outstanding) == (NOTHING, 0)
        assert not depot.held["b1"].cancelled
        again, later, _ = resumed(tmp_path / "j", depot)
        assert again == replies
        assert later.spent.usd == pytest.approx(depot.billed.usd)

    def test_a_batch_whose_name_was_not_noted_is_found_by_its_token(self, tmp_path: Path) -> None:
        depot = Depot()
        interrupted(tmp_path / "j", depot)
        with sqlite3.connect(tmp_path / "j") as db:
            db.execute("UPDATE batches SET id = NULL")
        replies, *_ = resumed(tmp_path / "j", depot)
        assert replies == FOUR
        assert depot.submissions == 1

    def test_a_batch_that_never_got_there_is_sent_anew(self, tmp_path: Path) -> None:
        depot = Depot()
        interrupted(tmp_path / "j", depot, 2.3)  # while it is being sent
        assert (depot.submissions, len(depot.held)) == (1, 0)
        replies, scope, _ = resumed(tmp_path / "j", depot)
        assert replies == FOUR
        assert (len(depot.held), set(depot.answered.values())) == (1, {1})
        assert scope.spent.usd == pytest.approx(depot.billed.usd)

    def test_where_the_provider_cannot_be_asked_for_it_it_is_charged(self, tmp_path: Path) -> None:
        depot, told = Depot(finds=False), Told()
        interrupted(tmp_path / "j", depot, 2.3)
        live = Stage()
        replies, scope, _ = resumed(tmp_path / "j", depot, live=live, told=told)
        assert replies == FOUR
        worst = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(4)) / 2
        assert scope.spent.usd == pytest.approx(worst + live.billed.usd + depot.billed.usd)
        assert "charged in full" in told[0]

    def test_what_nobody_asks_for_any_more_is_kept_as_it_is_paid(self, tmp_path: Path) -> None:
        depot = Depot()
        interrupted(tmp_path / "j", depot)
        replies, *_ = resumed(tmp_path / "j", depot, count=2)
        assert len(replies) == 2
        journal = journal_at(tmp_path / "j")
        assert all(journal.get(request(f"q{i}").key) for i in range(4))
        assert journal.by_batch().calls == 4
        run(journal.aclose())

    def test_what_it_may_come_to_is_kept_free_on_the_run_s_scope(self, tmp_path: Path) -> None:
        depot = Depot()
        interrupted(tmp_path / "j", depot)

        async def main() -> tuple[float, float]:
            journal = journal_at(tmp_path / "j")
            async with engine(depot, journal=journal) as made:
                scope = Scope("run", paid=True, spent=journal.paid + journal.losses.of("run"))
                made.batches.bear(scope)
                return scope.reserved.usd, scope.spent.usd

        worst = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(4)) / 2
        assert run(main()) == (pytest.approx(worst), 0.0)

    def test_an_adopted_batch_that_expires_is_asked_at_once(self, tmp_path: Path) -> None:
        depot, live = Depot(fate=lambda number: "expired"), Stage()
        interrupted(tmp_path / "j", depot)
        replies, scope, _ = resumed(tmp_path / "j", depot, live=live)
        assert replies == FOUR
        assert len(live.batches) == 2
        assert scope.spent.usd == pytest.approx(depot.billed.usd + live.billed.usd)

    def test_interrupted_twice_it_is_still_found(self, tmp_path: Path) -> None:
        depot = Depot()
        for _ in range(3):
            interrupted(tmp_path / "j", depot)
        replies, *_ = resumed(tmp_path / "j", depot)
        assert replies == FOUR
        assert depot.submissions == 1


class Away(Depot):
    """Cannot be reached for its results until a time."""

    until = 0.0
    error: ExpertError = ConnectionFailed("no route", expert="e")

    async def results(self, standing: BatchStanding, asked: Asked) -> Sequence[BatchResult]:
        if asyncio.get_running_loop().time() < self.until:
            raise self.error
        return await super().results(standing, asked)


class TestLate:
    def test_a_batch_that_ended_days_before_the_run_is_resumed_is_fetched(self, tmp_path: Path) -> None:
        depot, live, told = Depot(), Stage(), Told()
        interrupted(tmp_path / "j", depot, age=3 * DAY)
        depot.work_off()
        replies, scope, _ = resumed(tmp_path / "j", depot, live, told)
        assert replies == FOUR
        assert (live.samples, depot.submissions) == (0, 1)
        assert scope.spent.usd == pytest.approx(depot.billed.usd)
        assert told == []

    def test_one_that_still_goes_on_days_later_is_called_off(self, tmp_path: Path) -> None:
        depot, live = Depot(seconds=lambda number: 1e9), Stage()
        interrupted(tmp_path / "j", depot, age=3 * DAY)
        replies, scope, _ = resumed(tmp_path / "j", depot, live)
        assert replies == FOUR
        assert depot.held["b1"].cancelled
        assert live.samples == 2
        assert scope.spent.usd == pytest.approx(depot.billed.usd + live.billed.usd)

    def test_results_that_cannot_be_fetched_for_an_hour_are_waited_for(self) -> None:
        async def main() -> tuple[list[str], int]:
            depot, live = Away(), Stage()
            depot.until = 2 * 3600.0
            async with engine(depot, live=live) as made:
                return texts(await asked(made, 4)), live.samples

        assert run(main()) == (FOUR, 0)

    def test_results_that_nobody_may_fetch_stay_for_a_better_key(self, tmp_path: Path) -> None:
        depot, live, told = Away(), Stage(), Told()
        depot.until, depot.error = 1e9, WrongKey("401", expert="e")
        interrupted(tmp_path / "j", depot)
        replies, scope, _ = resumed(tmp_path / "j", depot, live, told)
        assert replies == ["WrongKey"] * 4
        assert live.samples == 0
        assert (scope.reserved, scope.outstanding) == (NOTHING, 0)
        assert "stays out" in told[0]
        depot.until = 0.0
        assert resumed(tmp_path / "j", depot, live)[0] == FOUR
        assert (live.samples, set(depot.answered.values())) == (0, {1})

    def test_results_that_never_come_are_given_up(self) -> None:
        async def main() -> tuple[list[str], int, Told]:
            depot, live, told = Away(), Stage(), Told()
            depot.until = 1e9
            async with engine(depot, live=live, told=told) as made:
                return texts(await asked(made, 4)), live.samples, told

        replies, samples, told = run(main())
        assert (replies, samples) == (FOUR, 4)
        assert "charged in full" in told[0]

    def test_a_batch_is_looked_for_as_long_as_nobody_can_be_reached(self, tmp_path: Path) -> None:
        depot, live = Depot(), Stage()
        interrupted(tmp_path / "j", depot)
        with sqlite3.connect(tmp_path / "j") as db:
            db.execute("UPDATE batches SET id = NULL")
        depot.blind = 15
        assert resumed(tmp_path / "j", depot, live)[0] == FOUR
        assert (live.samples, depot.submissions) == (0, 1)

    def test_what_is_asked_while_results_are_fetched_is_known_to_whoever_reads_them(self, tmp_path: Path) -> None:
        """Else nobody could tell which setting of a request its provider refused, and the call would fail."""

        class Slow(Depot):
            known: frozenset[bytes] = frozenset()

            async def results(self, standing: BatchStanding, asked: Asked) -> Sequence[BatchResult]:
                await asyncio.sleep(10.0)
                self.known = frozenset(asked)
                return await super().results(standing, asked)

        depot = Slow()
        interrupted(tmp_path / "j", depot)
        depot.work_off()

        async def main() -> None:
            async with engine(depot, journal=journal_at(tmp_path / "j")) as made:
                await asyncio.sleep(5.0)
                await asked(made, 4)

        run(main())
        assert depot.known == {request(f"q{i}").key for i in range(4)}
