"""Calls that leave by batch: when a batch leaves, what becomes of its requests, and what it costs."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import MemoryJournal, Seat
from orchestrator.errors import (
    BadRequest,
    ConnectionLost,
    ServerBusy,
    WrongKey,
)
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Expert
from tests.engine.batch_stage import Depot, Told, asked, engine, expert, journal_at, texts
from tests.engine.batch_stage import run as in_virtual_time
from tests.engine.stage import PRICE, Stage, request


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return in_virtual_time(work)[0]


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
        assert spent == pytest.approx(billed)

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


class TestFates:
    @pytest.mark.parametrize("fate", ["expired", "cancelled", "failed"])
    def test_what_a_batch_did_not_answer_is_asked_at_once(self, fate: str) -> None:
        async def main() -> tuple[list[str], int, int, Told]:
            depot, live, told = Depot(fate=lambda number: fate), Stage(), Told()
            async with engine(depot, live=live, told=told) as made:
                replies = await asked(made, 4)
            return texts(replies), sum(depot.answered.values()), len(live.batches), told

        replies, by_batch, at_once, told = run(main())
        assert replies == [f"q{i} #0 " for i in range(4)]
        assert by_batch == (0 if fate == "failed" else 2)
        assert at_once == 4 - by_batch
        assert len(told) == 1
        assert f"{at_once} of its 4 calls are asked at once, at full price" in told[0]

    def test_a_request_that_failed_goes_with_the_next_batch_and_then_alone(self) -> None:
        async def main() -> tuple[list[str], list[int], int]:
            depot, live = Depot(fault=lambda key, seen: ServerBusy("busy") if key == bad else None), Stage()
            async with engine(depot, live=live) as made:
                replies = await asked(made, 4)
            return texts(replies), [len(held.keys) for held in depot.held.values()], len(live.batches)

        bad = request("q2").key
        assert run(main()) == ([f"q{i} #0 " for i in range(4)], [4, 1], 1)

    def test_a_request_that_is_refused_ends(self) -> None:
        async def main() -> list[str]:
            depot = Depot(fault=lambda key, seen: BadRequest("no") if key == bad else None)
            async with engine(depot) as made:
                return texts(await asked(made, 3))

        bad = request("q1").key
        assert run(main()) == ["q0 #0 ", "BadRequest", "q2 #0 "]

    def test_a_provider_that_takes_no_batches_is_asked_at_once_from_then_on(self) -> None:
        async def main() -> tuple[list[str], int, Told]:
            depot, told = Depot(refusal=lambda number: BadRequest("no such endpoint")), Told()
            async with engine(depot, told=told) as made:
                replies = [*await asked(made, 2), *await asked(made, 2, prefix="later")]
            return texts(replies), depot.submissions, told

        replies, submissions, told = run(main())
        assert replies == ["q0 #0 ", "q1 #0 ", "later0 #0 ", "later1 #0 "]
        assert submissions == 1
        assert len(told) == 1
        assert "no such endpoint" in told[0]

    def test_a_busy_provider_is_asked_again_later(self) -> None:
        async def main() -> tuple[int, int, list[str]]:
            depot = Depot(refusal=lambda number: ServerBusy("busy") if number < 3 else None)
            async with engine(depot) as made:
                replies = await asked(made, 2)
            return depot.submissions, len(depot.held), texts(replies)

        assert run(main()) == (3, 1, ["q0 #0 ", "q1 #0 "])

    def test_a_batch_that_got_there_though_its_answer_was_lost_is_found(self) -> None:
        async def main() -> tuple[int, int]:
            depot = Depot(refusal=lambda number: ConnectionLost("reset"), blind=2)
            async with engine(depot) as made:
                assert texts(await asked(made, 2)) == ["q0 #0 ", "q1 #0 "]
            return depot.submissions, max(depot.answered.values())

        assert run(main()) == (1, 1)

    def test_where_nobody_can_say_whether_it_got_there_it_is_charged(self) -> None:
        async def main() -> tuple[list[str], float, float]:
            depot = Depot(refusal=lambda number: ConnectionLost("reset"), finds=False)
            scope, live = Scope("run", paid=True), Stage()
            async with engine(depot, live=live) as made:
                replies = await asked(made, 2, scope)
            return texts(replies), scope.spent.usd, live.billed.usd

        replies, spent, at_once = run(main())
        assert replies == ["q0 #0 ", "q1 #0 "]
        worst = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(2)) / 2
        assert spent == pytest.approx(at_once + worst)

    def test_a_batch_that_never_ends_is_called_off_after_its_window(self) -> None:
        async def main() -> tuple[list[str], float]:
            depot = Depot(seconds=lambda number: 1e9)
            async with engine(depot, expert(window="2h")) as made:
                replies = await asked(made, 2)
                return texts(replies), asyncio.get_running_loop().time()

        replies, seconds = run(main())
        assert replies == ["q0 #0 ", "q1 #0 "]
        assert 3 * 3600 < seconds < 4 * 3600

    def test_too_much_waiting_makes_batches_smaller_and_later(self) -> None:
        async def main() -> tuple[list[int], int]:
            depot = Depot(fate=lambda number: "full" if number == 1 else "completed")
            async with engine(depot) as made:
                assert len(set(texts(await asked(made, 400)))) == 400
            return [len(held.keys) for held in depot.held.values()], sum(depot.answered.values())

        assert run(main()) == ([400, 200, 200], 400)

    def test_a_key_that_is_refused_ends_the_calls_and_leaves_the_batch_out(self) -> None:
        class Barred(Depot):
            async def look(self, id_: str) -> Any:
                raise WrongKey("401", expert="e")

        async def main() -> tuple[list[str], bool]:
            depot = Barred()
            async with engine(depot) as made:
                replies = await asked(made, 2)
            return texts(replies), depot.held["b1"].cancelled

        assert run(main()) == (["WrongKey", "WrongKey"], False)


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


class TestResuming:
    """Each engine is a process: what one leaves out, the next finds."""

    def interrupted(self, path: Path, depot: Depot, after: float, count: int = 4) -> None:
        async def main() -> None:
            async with engine(depot, journal=journal_at(path)) as made:
                asking = asyncio.ensure_future(asked(made, count))
                await asyncio.sleep(after)
                made.stop()
                await asking

        run(main())

    def resumed(
        self, path: Path, depot: Depot, count: int = 4, live: Stage | None = None, told: Told | None = None
    ) -> tuple[list[str], Scope]:
        async def main() -> tuple[list[str], Scope]:
            journal = journal_at(path)
            async with engine(depot, journal=journal, live=live, told=told) as made:
                scope = Scope("run", paid=True, spent=journal.paid + journal.losses.of("run"))
                made.batches.bear(scope)
                return texts(await asked(made, count, scope)), scope

        found: tuple[list[str], Scope] = run(main())
        return found

    def test_the_same_batch_is_picked_up_and_nothing_is_sent_or_paid_twice(self, tmp_path: Path) -> None:
        depot = Depot()
        self.interrupted(tmp_path / "j", depot, 100.0)
        replies, scope = self.resumed(tmp_path / "j", depot)
        assert replies == [f"q{i} #0 " for i in range(4)]
        assert (depot.submissions, set(depot.answered.values())) == (1, {1})
        assert scope.spent.usd == pytest.approx(depot.billed.usd)
        assert (scope.reserved, scope.outstanding) == (NOTHING, 0)
        assert not depot.held["b1"].cancelled
        again, later = self.resumed(tmp_path / "j", depot)
        assert again == replies
        assert later.spent.usd == pytest.approx(depot.billed.usd)

    def test_a_batch_whose_name_was_not_noted_is_found_by_its_token(self, tmp_path: Path) -> None:
        depot = Depot()
        self.interrupted(tmp_path / "j", depot, 100.0)
        with sqlite3.connect(tmp_path / "j") as db:
            db.execute("UPDATE batches SET id = NULL")
        replies, _ = self.resumed(tmp_path / "j", depot)
        assert replies == [f"q{i} #0 " for i in range(4)]
        assert depot.submissions == 1

    def test_a_batch_that_never_got_there_is_sent_anew(self, tmp_path: Path) -> None:
        depot = Depot()
        self.interrupted(tmp_path / "j", depot, 2.3)  # while it is being sent
        assert (depot.submissions, len(depot.held)) == (1, 0)
        replies, scope = self.resumed(tmp_path / "j", depot)
        assert replies == [f"q{i} #0 " for i in range(4)]
        assert (len(depot.held), set(depot.answered.values())) == (1, {1})
        assert scope.spent.usd == pytest.approx(depot.billed.usd)

    def test_where_the_provider_cannot_be_asked_for_it_it_is_charged(self, tmp_path: Path) -> None:
        depot, told = Depot(finds=False), Told()
        self.interrupted(tmp_path / "j", depot, 2.3)
        live = Stage()
        replies, scope = self.resumed(tmp_path / "j", depot, live=live, told=told)
        assert replies == [f"q{i} #0 " for i in range(4)]
        worst = sum(PRICE.most(request(f"q{i}").size + 32, 100) for i in range(4)) / 2
        assert scope.spent.usd == pytest.approx(worst + live.billed.usd + depot.billed.usd)
        assert "charged in full" in told[0]

    def test_what_nobody_asks_for_any_more_is_kept_as_it_is_paid(self, tmp_path: Path) -> None:
        depot = Depot()
        self.interrupted(tmp_path / "j", depot, 100.0)
        replies, _ = self.resumed(tmp_path / "j", depot, count=2)
        assert len(replies) == 2
        journal = journal_at(tmp_path / "j")
        assert all(journal.get(request(f"q{i}").key) for i in range(4))
        assert journal.by_batch().calls == 4
        run(journal.aclose())

    def test_what_it_may_come_to_is_kept_free_on_the_run_s_scope(self, tmp_path: Path) -> None:
        depot = Depot()
        self.interrupted(tmp_path / "j", depot, 100.0)

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
        self.interrupted(tmp_path / "j", depot, 100.0)
        replies, scope = self.resumed(tmp_path / "j", depot, live=live)
        assert replies == [f"q{i} #0 " for i in range(4)]
        assert len(live.batches) == 2
        assert scope.spent.usd == pytest.approx(depot.billed.usd + live.billed.usd)

    def test_interrupted_twice_it_is_still_found(self, tmp_path: Path) -> None:
        depot = Depot()
        for _ in range(3):
            self.interrupted(tmp_path / "j", depot, 100.0)
        replies, _ = self.resumed(tmp_path / "j", depot)
        assert replies == [f"q{i} #0 " for i in range(4)]
        assert depot.submissions == 1
