"""What becomes of the calls of a batch, however it ends and whatever its provider says of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.errors import BadRequest, ConnectionLost, ServerBusy, WrongKey
from orchestrator.ledger import Scope
from tests.engine.batch_stage import Depot, Told, asked, engine, expert, texts
from tests.engine.resuming import FOUR, run
from tests.engine.stage import PRICE, Stage, request


class TestFates:
    @pytest.mark.parametrize("fate", ["expired", "cancelled", "failed"])
    def test_what_a_batch_did_not_answer_is_asked_at_once(self, fate: str) -> None:
        async def main() -> tuple[list[str], int, int, Told]:
            depot, live, told = Depot(fate=lambda number: fate), Stage(), Told()
            async with engine(depot, live=live, told=told) as made:
                replies = await asked(made, 4)
            return texts(replies), sum(depot.answered.values()), len(live.batches), told

        replies, by_batch, at_once, told = run(main())
        assert replies == FOUR
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
        assert run(main()) == (FOUR, [4, 1], 1)

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
