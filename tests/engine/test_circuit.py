"""The circuit breaker and the window of an expert, and how a lane holds after a 429."""

import asyncio

import pytest

from orchestrator.engine import Engine, MemoryJournal, RetryPolicy, Seat
from orchestrator.engine.aimd import Window
from orchestrator.engine.breaker import Breaker
from orchestrator.errors import ConnectionLost, ExpertError, ExpertLost, RateLimited, WrongKey
from orchestrator.ledger import Scope
from orchestrator.types import Completion
from tests.clock import run_virtual
from tests.engine.stage import PACES, Stage, expert, request

LOST = ConnectionLost("reset")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(**settings: int) -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(clock, threshold=3, **settings)
    for _ in range(3):
        assert not breaker.leaves()
        breaker.failed(LOST, probe=False)
    return breaker, clock


def test_an_open_circuit_lets_one_probe_out_after_its_pause() -> None:
    breaker, clock = opened()
    assert not breaker.admits()
    clock.now = 1.0
    assert breaker.admits()
    assert breaker.leaves()
    assert not breaker.admits()
    breaker.succeeded()
    assert breaker.closed


def test_what_left_before_the_circuit_opened_is_no_probe() -> None:
    breaker, clock = opened(probes=2)
    clock.now = 1.0
    assert breaker.leaves()
    for _ in range(20):
        breaker.failed(LOST, probe=False)
    breaker.cancelled(probe=False)
    assert breaker.lost is None
    assert not breaker.admits()
    breaker.cancelled(probe=True)
    clock.now = 3.0
    assert breaker.admits()


@pytest.mark.parametrize(("answered", "probes"), [(False, 4), (True, 12)])
def test_a_server_that_never_answered_is_given_up_sooner_than_one_that_did(answered: bool, probes: int) -> None:
    breaker, clock = Breaker(clock := Clock()), clock
    if answered:
        breaker.succeeded()
    for _ in range(8):
        breaker.failed(LOST, probe=False)
    tried = 0
    while breaker.lost is None:
        clock.now += 30.0
        assert breaker.leaves()
        breaker.failed(LOST, probe=True)
        tried += 1
    assert tried == probes


def test_a_429_says_that_the_server_lives_and_a_wrong_key_that_it_never_will() -> None:
    breaker, _ = opened()
    breaker.failed(RateLimited("slow down"), probe=True)
    assert breaker.closed
    breaker.failed(WrongKey("no"), probe=False)
    breaker.succeeded()
    assert not breaker.admits()


def test_one_burst_of_429s_halves_the_window_once() -> None:
    window = Window(8)
    assert [window.limited(0) for _ in range(5)] == [True, False, False, False, False]
    assert window.size == 4
    assert window.limited(1)
    assert window.size == 2
    for _ in range(100):
        window.succeeded()
    assert window.size == 8


def outcomes(stage: Stage, asked: int, policy: RetryPolicy | None = None) -> tuple[list[object], float]:
    async def one(engine: Engine, number: int) -> object:
        try:
            return (await engine.ask(request(f"q{number}"), Seat(Scope("p")))).completion
        except ExpertError as error:
            return error

    async def main() -> list[object]:
        engine = Engine({"e": expert()}, lambda _: stage, MemoryJournal(), retry=policy)
        async with engine, asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(engine, number)) for number in range(asked)]
        return [task.result() for task in tasks]

    return run_virtual(main())


def test_a_burst_of_429s_without_retry_after_holds_the_lane_as_briefly_as_one() -> None:
    stage = Stage(PACES["constant"])
    stage.fault = lambda rng: RateLimited("slow down") if stage.times[-1] == 0.0 else None
    _, seconds = outcomes(stage, 64)
    assert seconds < 8.0


def test_a_429_that_asks_for_longer_than_any_call_may_take_ends_the_expert() -> None:
    stage = Stage(PACES["constant"], lambda rng: RateLimited("quota", retry_after=86400.0))
    results, seconds = outcomes(stage, 70)
    assert seconds < 10.0
    assert {type(result) for result in results} == {RateLimited, ExpertLost}
    assert len(stage.batches) == 64


def test_no_call_sleeps_past_its_deadline() -> None:
    stage = Stage(PACES["constant"], lambda rng: RateLimited("slow down", retry_after=50.0))
    results, seconds = outcomes(stage, 1, RetryPolicy(deadline=120.0))
    assert isinstance(results[0], RateLimited)
    assert seconds == pytest.approx(1 + 51 * 2, abs=0.1)


def test_who_asks_for_an_hour_is_asked_again_after_it() -> None:
    stage = Stage(PACES["constant"])
    stage.fault = lambda rng: RateLimited("quota", retry_after=3600.0) if stage.times[-1] < 3600 else None

    async def main() -> list[type]:
        ends: list[type] = []
        async with Engine({"e": expert()}, lambda _: stage, MemoryJournal()) as engine:
            for number, pause in enumerate((10.0, 3600.0, 0.0)):
                try:
                    ends.append(type((await engine.ask(request(f"q{number}"), Seat(Scope("p")))).completion))
                except ExpertError as error:
                    ends.append(type(error))
                await asyncio.sleep(pause)
        return ends

    assert run_virtual(main())[0] == [RateLimited, ExpertLost, Completion]


def test_what_a_wrong_key_ended_does_not_come_back() -> None:
    breaker = Breaker(clock := Clock())
    breaker.lose(ExpertLost("asks to wait"), 3600.0)
    breaker.failed(WrongKey("no"), probe=False)
    breaker.lose(ExpertLost("asks to wait"), 60.0)
    clock.now = 10_000.0
    breaker.come_back()
    assert isinstance(breaker.lost, WrongKey)


def test_a_probe_that_ends_in_an_error_of_ours_is_followed_by_another() -> None:
    stage, faults = Stage(PACES["at once"]), [LOST] * 8

    def fault(rng: object) -> ExpertError | None:
        if faults:
            return faults.pop()
        if len(stage.batches) == 9:
            raise ZeroDivisionError
        return None

    stage.fault = fault

    async def main() -> list[object]:
        async with Engine({"e": expert(concurrency=1)}, lambda _: stage, MemoryJournal()) as engine:
            async with asyncio.timeout(600):
                asked = [engine.ask(request(f"q{number}"), Seat(Scope("p"))) for number in range(8)]
                return await asyncio.gather(*asked, return_exceptions=True)

    results = run_virtual(main())[0]
    assert sorted(type(result).__name__ for result in results) == ["Landed"] * 7 + ["ZeroDivisionError"]
