"""Calls that leave by batch: when a batch leaves, what it costs, and what becomes of it when nobody wants it."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import MemoryJournal, Seat
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Expert, Request
from tests.engine.batch_stage import Depot, Told, asked, engine, expert, texts
from tests.engine.resuming import run
from tests.engine.stage import PRICE, Stage, prompt_tokens, request


class TestBoarding:
    def test_calls_wait_for_two_quiet_seconds_and_leave_as_one(self) -> None:
        async def main() -> tuple[int, list[str], float]:
            depot = Depot()
            async with engine(depot) as made:
                replies = await asked(made, 5)
                held = depot.held["b1"]
                return len(depot.held), texts(replies), held.ends_at - 600.0

        batches, replies, left_at = run(main())
        assert (batches, replies) == (1, [f"q{i} #0 " for i in range(5)])
        assert 2.5 <= left_at < 2.7  # two seconds, and half a one to be taken

    def test_a_full_batch_leaves_at_once(self) -> None:
        async def main() -> list[tuple[int, float]]:
            depot = Depot()
            async with engine(depot, expert(requests=3)) as made:
                await asked(made, 7)
            return [(len(held.keys), held.ends_at - 600.0) for held in depot.held.values()]

        assert run(main()) == [(3, 0.5), (3, 0.5), (1, pytest.approx(2.55, abs=0.1))]

    def test_bytes_of_a_file_split_it_too(self) -> None:
        async def main() -> list[int]:
            depot = Depot()
            async with engine(depot, expert(size=1500)) as made:
                await asked(made, 8, prefix="q" * 600)
            for held in depot.held.values():
                assert sum(len(depot.line(depot.texts[key])) for key in held.keys) <= 1500
            return sorted(len(held.keys) for held in depot.held.values())

        sizes = run(main())
        assert sum(sizes) == 8
        assert max(sizes) == 2

    def test_a_call_that_is_answered_at_once_is_waited_for(self) -> None:
        """Who waits for it may be about to ask more."""

        async def main() -> list[int]:
            depot = Depot()
            async with engine(depot, expert(), Expert("live", "m"), live=Stage(pace=lambda rng: 30.0)) as made:

                async def late() -> None:
                    seat = Seat(Scope("run", paid=True))
                    other = request("first")
                    await made.ask(type(other)("live", "m", other.messages, other.sampling), seat)
                    await asked(made, 2, prefix="late")

                async with asyncio.TaskGroup() as group:
                    group.create_task(asked(made, 3))
                    group.create_task(late())
            return [len(held.keys) for held in depot.held.values()]

        assert run(main()) == [5]

    def test_a_verification_is_waited_for_unless_it_waits_for_the_batch(self) -> None:
        async def main() -> list[int]:
            depot = Depot()
            async with engine(depot) as made:

                async def checked(seconds: float, prefix: str) -> None:
                    with made.batches.checking():
                        await asyncio.sleep(seconds)
                        await asked(made, 1, prefix=prefix)

                async with asyncio.TaskGroup() as group:
                    group.create_task(asked(made, 2))
                    group.create_task(checked(50.0, "a"))
                    group.create_task(checked(100.0, "b"))
            return [len(held.keys) for held in depot.held.values()]

        assert run(main()) == [4]

    def test_the_same_call_is_in_one_batch_only(self) -> None:
        async def main() -> tuple[int, int]:
            depot = Depot()
            async with engine(depot) as made, asyncio.TaskGroup() as group:
                first = group.create_task(asked(made, 3))
                await asyncio.sleep(100.0)
                second = await asked(made, 3)
                assert texts(second) == texts(await first)
            return len(depot.held), max(depot.answered.values())

        assert run(main()) == (1, 1)

    def test_stages_of_a_line_of_thought_are_a_batch_each(self) -> None:
        async def main() -> list[int]:
            depot = Depot()
            async with engine(depot) as made:
                for stage in range(3):
                    await asked(made, 4, prefix=f"stage {stage} ")
            return [len(held.keys) for held in depot.held.values()]

        assert run(main()) == [4, 4, 4]

    def test_looks_grow_rarer(self) -> None:
        async def main() -> list[float]:
            depot = Depot(seconds=lambda number: 3 * 3600.0)
            async with engine(depot) as made:
                await asked(made, 1)
            return depot.asked_at

        looks = run(main())
        assert len(looks) < 3 * 60 + 15
        assert max(b - a for a, b in itertools.pairwise(looks)) == pytest.approx(60.0)


class TestMoney:
    def test_a_batch_costs_half_and_is_reserved_at_half(self) -> None:
        async def main() -> tuple[float, float, float]:
            depot, scope = Depot(), Scope("run", paid=True)
            async with engine(depot) as made, asyncio.TaskGroup() as group:
                group.create_task(asked(made, 4, scope))
                await asyncio.sleep(100.0)
                reserved = scope.reserved.usd
            return reserved, scope.spent.usd, depot.billed.usd

        reserved, spent, billed = run(main())
        worst = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(4))
        assert reserved == pytest.approx(worst / 2)
        usual = sum(PRICE.of(prompt_tokens(request(f"q{i}")), 10) for i in range(4))
        assert spent == pytest.approx(billed) == pytest.approx(usual / 2)

    def test_what_a_cap_holds_back_goes_with_the_next_batch(self) -> None:
        async def main() -> tuple[list[int], list[str]]:
            depot = Depot()
            scope = Scope("run", Budget(tokens=450), paid=True)
            async with engine(depot) as made:
                replies = await asked(made, 5, scope)
            assert (scope.reserved, scope.outstanding) == (NOTHING, 0)
            return [len(held.keys) for held in depot.held.values()], texts(replies)

        sizes, replies = run(main())
        assert len(sizes) > 1
        assert sum(sizes) == 5
        assert "BudgetExceeded" not in replies

    def test_a_fallback_is_reserved_and_billed_at_the_full_price(self) -> None:
        async def main() -> tuple[float, float]:
            live, scope = Stage(), Scope("run", paid=True)
            async with engine(Depot(fate=lambda number: "failed"), live=live) as made:
                await asked(made, 3, scope)
            return scope.spent.usd, live.billed.usd

        spent, billed = run(main())
        assert spent == pytest.approx(billed)


class TestLeaving:
    def test_what_nobody_wants_any_more_is_cancelled_at_the_provider(self) -> None:
        async def main() -> tuple[bool, float, float]:
            depot, scope = Depot(), Scope("run", paid=True)
            async with engine(depot) as made:
                asking = asyncio.ensure_future(asked(made, 4, scope))
                await asyncio.sleep(100.0)
                asking.cancel()
                await asyncio.wait([asking])
                await asyncio.sleep(200.0)
                assert scope.reserved == NOTHING
                return depot.held["b1"].cancelled, scope.spent.usd, depot.billed.usd

        cancelled, spent, billed = run(main())
        assert cancelled
        assert spent == pytest.approx(billed)
        assert billed > 0  # half of it was answered by then

    def test_a_batch_of_which_something_is_wanted_goes_on(self) -> None:
        async def main() -> tuple[bool, int]:
            depot, journal = Depot(), MemoryJournal()
            async with engine(depot, journal=journal) as made:
                first = asyncio.ensure_future(asked(made, 2))
                second = asyncio.ensure_future(asked(made, 2, prefix="other"))
                await asyncio.sleep(100.0)
                first.cancel()
                assert texts(await second) == ["other0 #0 ", "other1 #0 "]
            return depot.held["b1"].cancelled, len(journal.replies)

        assert run(main()) == (False, 4)

    def test_an_engine_that_ends_without_a_lasting_journal_cancels_what_is_out(self) -> None:
        async def main() -> tuple[bool, Told]:
            depot, told = Depot(), Told()
            async with engine(depot, told=told) as made:
                asking = asyncio.ensure_future(asked(made, 2))
                await asyncio.sleep(100.0)
                made.stop()
                assert texts(await asking) == ["Stopped", "Stopped"]
            assert depot.closed == 1
            return depot.held["b1"].cancelled, told

        cancelled, told = run(main())
        assert cancelled
        assert "was cancelled" in told[0]

    def test_an_engine_that_ends_while_a_batch_is_written_waits_for_little_of_it(self) -> None:
        class Slow(Depot):
            stop: Any = None

            def line(self, request: Request) -> bytes:
                if len(self.texts) == 10:
                    self.stop()
                return super().line(request)

        async def main() -> tuple[int, list[str]]:
            depot = Slow()
            async with engine(depot) as made:
                loop = asyncio.get_running_loop()
                depot.stop = lambda: loop.call_soon_threadsafe(made.stop)
                said = texts(await asked(made, 500))
            return len(depot.texts), said

        written, said = run(main())
        assert said == ["Stopped"] * 500
        assert written <= 64
