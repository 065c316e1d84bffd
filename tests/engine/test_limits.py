"""Rate limits of whole engines: what the server sees in any window, and in which order, whoever leaves."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import BudgetExceeded
from orchestrator.ledger import Scope
from orchestrator.types import Request
from tests.clock import route_time, run_virtual
from tests.engine.stage import PACES, Stage, expert, prompt_tokens, request
from tests.engine.test_throttle import most_in
from tests.quiet import QUIET


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)


def sizes(stage: Stage) -> Sequence[int]:
    """The tokens that the server generated for each attempt, in the order of their coming."""
    return [prompt_tokens(batch[0]) + sum(stage._size(asked) for asked in batch) for batch in stage.batches]


async def asked(engine: Engine, run: Scope, number: int, turn: int = 0, stage: int = 0) -> str:
    return (await engine.ask(request(f"q{number}"), Seat(run, turn, stage))).completion.text


def served(count: int, stage: Stage, **limits: Any) -> float:
    """Asks so many at once; returns the seconds until the last reply."""

    async def main() -> None:
        run = Scope("run", paid=True)
        engine = Engine({"e": expert(**limits)}, lambda _: stage, MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(asked(engine, run, number))

    return run_virtual(main())[1]


def test_thousands_that_wait_leave_at_the_pace_that_is_allowed() -> None:
    stage = Stage(PACES["uniform"])
    seconds = served(3000, stage, rpm=3000, concurrency=128)
    assert most_in(1.0, stage.times, [1] * 3000) <= 50
    assert seconds <= 60 / 0.95 + 3


def test_whoever_comes_later_with_a_better_place_leaves_first() -> None:
    stage = Stage(PACES["at once"])

    async def main() -> None:
        run = Scope("run", paid=True)
        engine = Engine({"e": expert(rpm=60)}, lambda _: stage, MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(asked(engine, run, number, turn=5, stage=number % 2))
            await asyncio.sleep(3.5)
            group.create_task(asked(engine, run, 100, turn=1))
            group.create_task(asked(engine, run, 101, turn=0))

    run_virtual(main())
    order = [int(batch[0].messages[-1].text[1:]) for batch in stage.batches]
    late = [order.index(101), order.index(100)]
    assert late == [late[0], late[0] + 1]
    assert stage.times[late[0]] == pytest.approx(4.08, abs=0.2)
    rest = [number for number in order if number < 100]
    assert rest == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]


def test_nothing_is_reserved_for_calls_that_wait_for_the_rate() -> None:
    stage, run = Stage(PACES["constant"]), Scope("run", Budget(calls=100), paid=True)

    async def main() -> int:
        engine = Engine({"e": expert(rpm=6)}, lambda _: stage, MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(asked(engine, run, number))
            await asyncio.sleep(0.5)
            most = run.outstanding
        return most

    assert run_virtual(main())[0] == 1
    assert run.spent.calls == 20


def test_ten_thousand_that_wait_can_leave_at_once() -> None:
    stage, run = Stage(PACES["constant"]), Scope("run", paid=True)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with Engine({"e": expert(rpm=60)}, lambda _: stage, MemoryJournal()) as engine:
            tasks = [asyncio.ensure_future(asked(engine, run, number)) for number in range(10_000)]
            await asyncio.sleep(2.5)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            left = loop.time()
            assert engine.lane("e").queued == 0
            await asked(engine, run, 10_001)
        return left

    left, seconds = run_virtual(main())
    assert left == pytest.approx(2.5, abs=0.01)
    assert seconds <= 5
    assert run.outstanding == 0
    assert len(stage.batches) == 4


def test_a_scope_whose_seconds_pass_refuses_what_waits_for_the_rate() -> None:
    stage = Stage(PACES["at once"])
    run = Scope("run", paid=True)
    short = Scope("short", Budget(seconds=10), run)

    async def main() -> list[BaseException | None]:
        async with Engine({"e": expert(rpm=6)}, lambda _: stage, MemoryJournal()) as engine:
            tasks = [asyncio.ensure_future(asked(engine, short, number)) for number in range(5)]
            other = asyncio.ensure_future(asked(engine, run, 77, turn=1))
            await asyncio.sleep(10.5)
            error = short.close()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await other
            return [error if task.cancelled() else task.exception() for task in tasks]

    ends, seconds = run_virtual(main())
    assert [isinstance(end, BudgetExceeded) for end in ends] == [False, False, True, True, True]
    assert seconds == pytest.approx(20, abs=1)


def test_a_slow_lane_holds_no_other() -> None:
    stages = {"e": Stage(PACES["at once"]), "f": Stage(PACES["at once"])}

    async def main() -> list[float]:
        loop, run, ends = asyncio.get_running_loop(), Scope("run", paid=True), []
        experts = {"e": expert(rpm=1), "f": expert(rpm=600)}

        async def one(name: str, number: int) -> None:
            asked_for = Request(name, "m", request(f"q{number}").messages, request().sampling)
            await engine.ask(asked_for, Seat(run))
            if name == "f":
                ends.append(loop.time())

        engine = Engine(experts, lambda value: stages["f" if value.rpm == 600 else "e"], MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(one("e", number))
            for number in range(20):
                group.create_task(one("f", number))
        return ends

    ends, seconds = run_virtual(main())
    assert ends[-1] <= 2.5
    assert seconds == pytest.approx(120, abs=1)


def test_a_large_call_that_its_budget_holds_back_does_not_block_the_rate_for_others() -> None:
    stage = Stage(PACES["constant"])
    run = Scope("run", paid=True)
    poor = Scope("poor", Budget(tokens=1000), run)

    async def main() -> list[float]:
        ends: list[float] = []

        async def one(scope: Scope, number: int, most: int, turn: int) -> None:
            await engine.ask(request(f"q{number}", max_tokens=most), Seat(scope, turn))
            ends.append(loop.time())

        loop = asyncio.get_running_loop()
        engine = Engine({"e": expert(tpm=1000)}, lambda _: stage, MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            group.create_task(one(poor, 0, 500, 0))
            await asyncio.sleep(0.1)
            group.create_task(one(poor, 1, 700, 1))
            group.create_task(one(run, 2, 100, 2))
        return ends

    ends, _ = run_virtual(main())
    assert ends[:2] == pytest.approx([1.0, 1.1], abs=0.01)


def test_samples_that_leave_together_fit_into_what_is_free() -> None:
    stage = Stage(PACES["constant"])

    async def main() -> None:
        run = Scope("run", paid=True)
        engine = Engine({"e": expert(tpm=1000)}, lambda _: stage, MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            for sample in range(30):
                group.create_task(engine.ask(request("same", sample, max_tokens=200), Seat(run)))

    run_virtual(main())
    worst = 200
    assert max(len(batch) for batch in stage.batches) * worst <= 1000
    assert len(stage.batches[0]) > 1


def test_a_call_larger_than_the_limit_leaves_alone() -> None:
    stage = Stage(PACES["constant"])
    served(3, stage, tpm=90)
    assert stage.times == pytest.approx([0, 62, 124], abs=0.5)


@settings(QUIET, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    rpm=st.sampled_from([None, 1, 7, 30, 90, 600]),
    tpm=st.sampled_from([None, 300, 1000, 5000]),
    concurrency=st.sampled_from([1, 3, 64]),
    pace=st.sampled_from(sorted(PACES)),
    leaving=st.sets(st.integers(0, 29), max_size=8),
    cap=st.sampled_from([None, 2000]),
)
def test_no_window_ever_holds_more_than_the_limits_and_everybody_comes_to_an_end(
    seed: int, rpm: float | None, tpm: float | None, concurrency: int, pace: str, leaving: set[int], cap: int | None
) -> None:
    rng = random.Random(seed)
    stage = Stage(PACES[pace], tokens=lambda request, rng: rng.randint(1, 150), max_n=rng.choice([1, 4]), seed=seed)
    run = Scope("run", Budget(tokens=cap), paid=True)

    async def one(engine: Engine, number: int) -> None:
        await asyncio.sleep(rng.choice([0.0, 0.0, rng.uniform(0, 90)]))
        try:
            await engine.ask(request(f"q{number % 9}", number // 9, max_tokens=150), Seat(run, rng.randrange(3)))
        except BudgetExceeded:
            assert cap is not None

    async def main() -> None:
        limits = {"rpm": rpm, "tpm": tpm, "concurrency": concurrency}
        loop = asyncio.get_running_loop()
        async with Engine({"e": expert(**limits)}, lambda _: stage, MemoryJournal()) as engine:
            tasks = [asyncio.ensure_future(one(engine, number)) for number in range(30)]
            for number in leaving:
                loop.call_later(rng.uniform(0, 60), tasks[number].cancel)
            await asyncio.wait(tasks)
            for task in tasks:
                assert task.cancelled() or task.exception() is None

    with pytest.MonkeyPatch.context() as patch:
        route_time(patch)
        run_virtual(main())
    assert run.outstanding == 0
    if rpm is not None:
        assert most_in(60.0, stage.times, [1] * len(stage.times)) <= rpm
    if tpm is not None:
        assert most_in(60.0, stage.times, [min(int(tpm), size) for size in sizes(stage)]) <= tpm


def test_a_turn_that_its_budget_gave_to_one_who_leaves_is_the_next_ones() -> None:
    stage, run = Stage(PACES["constant"]), Scope("run", Budget(tokens=600), paid=True)

    async def main() -> list[bool]:
        async with Engine({"e": expert(concurrency=1)}, lambda _: stage, MemoryJournal()) as engine:

            async def one(number: int) -> None:
                await engine.ask(request(f"q{number}", max_tokens=300), Seat(run))

            tasks = [asyncio.ensure_future(one(number)) for number in range(6)]
            await asyncio.sleep(0.5)
            asyncio.get_running_loop().call_later(0.5, tasks[1].cancel)  # in the pass in which it is woken
            await asyncio.wait(tasks)
        return [task.cancelled() or task.exception() is None for task in tasks]

    ends, seconds = run_virtual(main())
    assert all(ends)
    assert seconds == pytest.approx(5, abs=0.1)


def test_thousands_that_a_budget_holds_back_leave_one_after_the_other_in_their_order() -> None:
    stage, run = (
        Stage(PACES["constant"], tokens=lambda request, rng: 1),
        Scope("run", Budget(tokens=200_000), paid=True),
    )

    async def main() -> int:
        async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine:

            async def one(number: int) -> None:
                await engine.ask(request(f"q{number}", max_tokens=150_000), Seat(run, turn=number // 2))

            tasks = [asyncio.ensure_future(one(number)) for number in range(2000)]
            await asyncio.sleep(20.5)
            parked = len(run.parked)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return parked

    parked, _ = run_virtual(main())
    assert parked == 2000 - 21
    assert [batch[0].messages[-1].text for batch in stage.batches] == [f"q{number}" for number in range(21)]


class Importing(Stage):
    """Its first call would wait for a library."""

    async def prepare(self) -> None:
        await asyncio.sleep(2.0)


def test_calls_that_wait_for_a_library_do_not_leave_all_at_once_when_it_is_there() -> None:
    stage = Importing(PACES["at once"])
    served(60, stage, rpm=600)
    assert stage.times[0] == pytest.approx(2.0, abs=0.01)
    assert most_in(1.0, stage.times, [1] * 60) <= 10
