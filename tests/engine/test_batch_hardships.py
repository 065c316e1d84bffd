"""Batches where a provider, or the way to it, is away for long: nothing is paid twice, nothing waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import MemoryJournal, Seat
from orchestrator.errors import (
    BudgetExceeded,
    ConnectionFailed,
    ConnectionLost,
    ServerBusy,
)
from orchestrator.ledger import Scope
from orchestrator.types import Asked, BatchResult, BatchStanding, Expert
from tests.engine.batch_stage import Depot, Told, asked, caught, engine, expert, journal_at, texts
from tests.engine.resuming import FOUR, interrupted, resumed, run
from tests.engine.stage import PRICE, Stage, request


class Closing(MemoryJournal):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1
        await super().aclose()


class TestMoney:
    def test_who_waits_for_an_adopted_batch_has_paid_for_it(self, tmp_path: Path) -> None:
        depot = Depot()
        interrupted(tmp_path / "j", depot)
        _, scope, paid = resumed(tmp_path / "j", depot, Stage())
        assert paid == pytest.approx(depot.billed.usd) == pytest.approx(scope.spent.usd)

    def test_a_batch_that_nobody_follows_here_is_spent_and_keeps_nobody_waiting(self, tmp_path: Path) -> None:
        depot = Depot()
        interrupted(tmp_path / "j", depot)

        async def main() -> list[Any]:
            journal = journal_at(tmp_path / "j")
            async with engine(depot, Expert("e", "m", price=PRICE), journal=journal) as made:
                most = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(4)) / 2
                scope = Scope("run", Budget(usd=most * 1.01), paid=True)
                made.batches.bear(scope)
                return await asked(made, 1, scope, prefix="another")

        assert isinstance(run(main())[0], BudgetExceeded)

    def test_a_fault_in_an_adopted_batch_keeps_nobody_waiting(self, tmp_path: Path) -> None:
        class Broken(Depot):
            async def results(self, standing: BatchStanding, asked: Asked) -> Sequence[BatchResult]:
                raise ZeroDivisionError

        depot = Broken()
        interrupted(tmp_path / "j", depot)

        async def main() -> list[Any]:
            journal = journal_at(tmp_path / "j")
            async with engine(depot, journal=journal) as made:
                most = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(4)) / 2
                scope = Scope("run", Budget(usd=most * 1.01), paid=True)
                made.batches.bear(scope)
                calls = (made.ask(request(f"q{i}"), Seat(scope)) for i in range(4))
                first = asyncio.gather(*calls, return_exceptions=True)
                return [*await first, *await asked(made, 1, scope, prefix="another")]

        found = run(main())
        assert [type(each) for each in found] == [ZeroDivisionError] * 4 + [BudgetExceeded]

    def test_the_seconds_of_a_run_leave_a_batch_for_the_run_that_goes_on(self, tmp_path: Path) -> None:
        depot, live, told = Depot(), Stage(), Told()

        async def main() -> None:
            scope = Scope("run", Budget(seconds=100.0), paid=True)
            async with engine(depot, journal=journal_at(tmp_path / "j"), told=told) as made:
                asking = asyncio.ensure_future(asked(made, 4, scope))
                await asyncio.sleep(100.0)
                scope.close()
                asking.cancel()
                await asyncio.wait([asking])
                await asyncio.sleep(90.0)  # what else goes on

        run(main())
        assert not depot.held["b1"].cancelled
        assert "stays out" in told[0]
        assert resumed(tmp_path / "j", depot, live)[0] == FOUR
        assert (live.samples, depot.submissions) == (0, 1)

    def test_the_seconds_of_one_problem_do_not(self, tmp_path: Path) -> None:
        depot = Depot()

        async def main() -> None:
            scope = Scope("problem", Budget(seconds=100.0), parent=Scope("run", paid=True))
            async with engine(depot, journal=journal_at(tmp_path / "j")) as made:
                asking = asyncio.ensure_future(asked(made, 4, scope))
                await asyncio.sleep(100.0)
                scope.close()
                asking.cancel()
                await asyncio.wait([asking])
                await asyncio.sleep(90.0)

        run(main())
        assert depot.held["b1"].cancelled

    def test_an_engine_closes_all_it_has_though_cancelling_fails_in_an_odd_way(self) -> None:
        class Odd(Depot):
            async def cancel(self, id_: str) -> None:
                raise KeyError("id")

        async def main() -> tuple[int, Told]:
            depot, told, journal = Odd(), Told(), Closing()
            async with engine(depot, journal=journal, told=told) as made:
                asking = asyncio.ensure_future(asked(made, 2))
                await asyncio.sleep(100.0)
                made.stop()
                await asking
            return journal.closed + depot.closed, told

        closed, told = run(main())
        assert closed == 2
        assert "could not be cancelled (KeyError('id')); it may go on, and is billed" in told[0]


class TestRefusals:
    def test_batches_that_are_refused_together_are_refused_once(self) -> None:
        """A provider that is busy for a minute does not double what the rest of a run costs."""

        async def main() -> tuple[list[str], int]:
            depot, live = Depot(refusal=lambda number: ServerBusy("busy") if number <= 10 else None), Stage()
            async with engine(depot, expert(requests=2), live=live) as made:
                return texts(await asked(made, 20)), live.samples

        assert run(main()) == ([f"q{i} #0 " for i in range(20)], 0)

    def test_a_lane_says_that_its_batches_are_not_taken(self) -> None:
        async def main() -> str:
            async with engine(Depot(refusal=lambda number: ServerBusy("busy"))) as made:
                asking = asyncio.ensure_future(asked(made, 2))
                await asyncio.sleep(5.0)
                state = next(lane.state for lane in made.batches.lanes)
                made.stop()
                await asking
                return state

        assert run(main()) == "its provider took no batch; tries again in 8 s"

    def test_in_the_end_calls_are_asked_at_once(self) -> None:
        async def main() -> tuple[list[str], int, float]:
            depot, live = Depot(refusal=lambda number: ServerBusy("busy")), Stage()
            async with engine(depot, live=live) as made:
                return texts(await asked(made, 4)), live.samples, asyncio.get_running_loop().time()

        replies, samples, seconds = run(main())
        assert (replies, samples) == (FOUR, 4)
        assert 240.0 < seconds < 600.0

    def test_a_small_batch_waits_while_the_provider_is_full_of_ours(self) -> None:
        """It says nothing about how large a batch may be."""

        class Narrow(Depot):
            """Holds a single batch at a time."""

            def fits(self, held: Any) -> bool:
                return not any(other.id != held.id and not other.billed for other in self.held.values())

            async def submit(self, lines: Sequence[bytes], mode: str, token: str) -> str:
                name = await super().submit(lines, mode, token)
                if not self.fits(self.held[name]):
                    self.held[name].state, self.held[name].ends_at = "full", 0.0
                return name

        async def main() -> tuple[int, int, int]:
            depot, live = Narrow(seconds=lambda number: 7200.0), Stage()
            async with engine(depot, expert(requests=200), live=live) as made:
                assert len(set(texts(await asked(made, 250)))) == 250
            return live.samples, max(depot.answered.values()), depot.submissions

        samples, answered, submissions = run(main())
        assert (samples, answered) == (0, 1)
        assert submissions < 12

    def test_a_call_that_no_file_would_hold_is_asked_at_once_and_the_others_by_batch(self) -> None:
        async def main() -> tuple[int, list[int]]:
            depot, live = Depot(), Stage()
            async with engine(depot, expert(size=2000), live=live) as made, asyncio.TaskGroup() as group:
                group.create_task(asked(made, 2))
                group.create_task(caught(made.ask(request("long " * 500), Seat(Scope("run", paid=True)))))
            return live.samples, [len(held.keys) for held in depot.held.values()]

        samples, sizes = run(main())
        assert (samples, sum(sizes)) == (1, 2)


class TestWaiting:
    def test_a_lane_that_is_busy_for_hours_does_not_hold_a_batch_back_as_long(self) -> None:
        async def main() -> float:
            depot = Depot(seconds=lambda number: 1.0)
            slow = Expert("live", "m", concurrency=1)
            async with engine(depot, expert(), slow, live=Stage(pace=lambda rng: 60.0)) as made:

                async def busy() -> None:
                    seat = Seat(Scope("run", paid=True))
                    for number in range(100):
                        other = request(f"live {number}")
                        await made.ask(type(other)("live", "m", other.messages, other.sampling), seat)

                task = asyncio.ensure_future(busy())
                await asked(made, 2)
                seconds = asyncio.get_running_loop().time()
                task.cancel()
                await asyncio.wait([task])
                return seconds

        assert 600.0 <= run(main()) < 660.0

    def test_calls_of_later_are_not_hurried_by_one_that_was_given_up(self) -> None:
        async def main() -> list[int]:
            depot = Depot()
            async with engine(depot) as made:
                first = asyncio.ensure_future(asked(made, 1, prefix="given up"))
                await asyncio.sleep(1.0)
                first.cancel()
                await asyncio.wait([first])
                await asyncio.sleep(1000.0)
                async with asyncio.TaskGroup() as group:
                    group.create_task(asked(made, 2))
                    await asyncio.sleep(1.0)
                    group.create_task(asked(made, 2, prefix="soon after"))
            return [len(held.keys) for held in depot.held.values()]

        assert run(main()) == [4]

    def test_one_whose_submission_nobody_can_confirm_ends(self) -> None:
        class Blind(Depot):
            async def find(self, token: str, calls: int, since: float) -> str | None:
                raise ConnectionFailed("no route", expert="e")

        async def main() -> tuple[list[str], float]:
            depot = Blind(refusal=lambda number: ConnectionLost("reset"))
            async with engine(depot) as made:
                return texts(await asked(made, 4)), asyncio.get_running_loop().time()

        replies, seconds = run(main())
        assert replies == FOUR
        assert 3600.0 < seconds < 3800.0
