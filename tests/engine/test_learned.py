"""Limits that only the server knows: they are learned from its refusals, kept to, and looked for again later."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.engine.learned import Learned
from orchestrator.errors import Allowance, RateLimited, StatedLimits
from orchestrator.ledger import Scope
from orchestrator.types import Request, Response
from tests.clock import route_time, run_virtual
from tests.engine.stage import PACES, Stage, expert, prompt_tokens, request


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)


@dataclass(eq=False)
class Limited(Stage):
    """Takes `rate` requests a second, `burst` of them at once; says how long to wait if `says`."""

    rate: float = 2.0
    burst: float = 10.0
    says: bool = True
    level: float = -1.0
    at: float = 0.0
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    async def complete(self, batch: Sequence[Request]) -> Response:
        now = asyncio.get_running_loop().time()
        self.level = self.burst if self.level < 0 else min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            self.refused.append(now)
            raise RateLimited("slow down", retry_after=(1 - self.level) / self.rate if self.says else None)
        self.level -= 1
        self.taken.append(now)
        return await super().complete(batch)


@dataclass(eq=False)
class ByTheMinute(Limited):
    """Takes 60 x `rate` requests from each full minute to the next."""

    async def complete(self, batch: Sequence[Request]) -> Response:
        now = asyncio.get_running_loop().time()
        if sum(time // 60 == now // 60 for time in self.taken) >= self.rate * 60:
            self.refused.append(now)
            raise RateLimited("slow down", retry_after=60 - now % 60)
        self.taken.append(now)
        return await Stage.complete(self, batch)


def ask_for(seconds: float, stage: Stage, callers: int, **limits: Any) -> None:
    """So many ask again and again for so long."""

    async def caller(engine: Engine, run: Scope, number: int) -> None:
        for again in range(10**6):
            await engine.ask(request(f"q{number} {again}"), Seat(run))

    async def main() -> None:
        run = Scope("run", paid=True)
        async with Engine({"e": expert(**limits)}, lambda _: stage, MemoryJournal()) as engine:
            tasks = [asyncio.ensure_future(caller(engine, run, number)) for number in range(callers)]
            await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ended)

    run_virtual(main())


def count(times: Sequence[float], start: float, end: float) -> int:
    return sum(start <= time < end for time in times)


@dataclass(eq=False)
class Counting(Stage):
    """Takes `rate` tokens a second, `burst` at once, counts them as they come, and tells what is left."""

    rate: float = 100.0
    burst: float = 1000.0
    tells: str = "tokens"
    level: float = -1.0
    at: float = 0.0
    taken: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    async def complete(self, batch: Sequence[Request]) -> Response:
        now = asyncio.get_running_loop().time()
        self.level = self.burst if self.level < 0 else min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        cost = 1 if self.tells == "requests" else prompt_tokens(batch[0]) + sum(map(self._size, batch))
        if self.level < cost:
            self.refused.append(now)
            error = RateLimited("slow down", retry_after=(cost - self.level) / self.rate)
            left = Allowance(self.rate * 60, int(self.level), (self.burst - self.level) / self.rate)
            error.stated = StatedLimits(**{self.tells: left})
            raise error
        self.level -= cost
        self.taken.append((now, cost))
        return await super().complete(batch)


@pytest.mark.parametrize(
    ("tells", "rate", "burst"), [("requests", 5, 5), ("tokens", 300, 3000), ("tokens", 300, 18000)]
)
def test_a_limit_that_the_server_tells_is_kept_from_then_on(tells: str, rate: float, burst: float) -> None:
    stage = Counting(
        PACES["constant"], tokens=lambda request, rng: rng.randint(1, 120), rate=rate, burst=burst, tells=tells
    )
    ask_for(400, stage, 30)
    assert stage.refused
    assert count(stage.refused, 200, 400) == 0
    assert sum(cost for time, cost in stage.taken if 200 <= time < 400) >= 0.8 * rate * 200


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("burst", [1, 10, 120])
def test_a_steady_allowance_is_learned_and_used(burst: float, says: bool) -> None:
    stage = Limited(PACES["constant"], burst=burst, says=says)
    ask_for(360, stage, 20, concurrency=8)
    assert count(stage.refused, 0, 180) <= 60
    assert count(stage.refused, 180, 360) <= 10
    # One that lets nothing accumulate and never says how long to wait loses what came in our pauses.
    least = 0.65 if burst == 1 and not says else 0.85
    assert count(stage.taken, 180, 360) >= least * 2 * 180


def test_an_allowance_by_the_minute_is_learned_and_used() -> None:
    stage = ByTheMinute(PACES["constant"], rate=1)
    ask_for(600, stage, 20, concurrency=8)
    assert count(stage.refused, 120, 600) <= 15
    assert count(stage.taken, 120, 600) >= 0.85 * 480


def test_a_limit_that_is_lifted_is_found_out() -> None:
    stage = Limited(PACES["constant"], burst=10)

    def lift() -> None:
        stage.rate = stage.burst = 1000.0

    async def main() -> None:
        asyncio.get_running_loop().call_later(120, lift)
        run = Scope("run", paid=True)

        async def caller(number: int) -> None:
            for again in range(10**6):
                await engine.ask(request(f"q{number} {again}"), Seat(run))

        async with Engine({"e": expert(concurrency=4)}, lambda _: stage, MemoryJournal()) as engine:
            tasks = [asyncio.ensure_future(caller(number)) for number in range(20)]
            await asyncio.sleep(900)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    run_virtual(main())
    assert count(stage.taken, 60, 120) <= 130
    assert count(stage.taken, 840, 900) >= 0.9 * 60 * 4


def test_nothing_is_held_back_before_a_refusal() -> None:
    learned = Learned()
    for _ in range(1000):
        assert learned.opens_at(5.0) == 5.0
        learned.take(5.0)


def test_one_refusal_among_few_does_not_cut_the_pace_to_nothing() -> None:
    learned, now = Learned(), 0.0
    for _ in range(100):
        learned.take(now)
        now += 0.1
    learned.refused(True, 0)
    learned.take(now)
    assert learned.rate == pytest.approx(9.4, abs=0.2)
    learned.take(now + 0.1)
    learned.refused(True, 0)
    learned.take(now + 1)
    assert learned.rate == pytest.approx(7.5, abs=0.2)


def test_refusals_of_all_there_is_say_nothing_of_a_pace() -> None:
    learned, now = Learned(), 0.0
    for _ in range(100):
        learned.take(now)
        now += 0.1
    learned.refused(True, 0)
    for probe in range(60):
        learned.take(now + 15 * probe, probe + 1)
        learned.refused(True, probe + 1)
    assert learned.rate == pytest.approx(9.4, abs=0.2)


def test_idle_time_is_no_sign_of_a_limit() -> None:
    learned, now = Learned(), 0.0
    for _ in range(2):
        for _ in range(200):
            learned.take(now, 0)
            now += 0.01
        learned.rested()
        now += 3600
    for _ in range(200):
        learned.take(now, 0)
        now += 0.01
    learned.refused(True, 0)
    learned.take(now, 1)
    assert learned.rate is not None
    assert learned.rate > 80


def test_a_told_limit_that_others_share_is_left_by_half_at_the_most_and_a_days_is_forgotten_once_it_is_back() -> None:
    learned, now = Learned(), 0.0
    for _ in range(300):
        learned.take(now)
        learned.told(10.0, 1.0, now, now + 600)
        now += 1
    assert learned.rate == pytest.approx(0.5 * 9.5)
    learned.told(0.01, 86400.0, now, now + 86400.0)
    assert learned.opens_at(now + 60) > now + 60 or learned.rate == pytest.approx(1 / 60)
    assert learned.opens_at(now + 86400.0) == now + 86400.0
    assert learned.rate is None
    for _ in range(50):
        learned.take(now + 86400.0)
    assert learned.opens_at(now + 86400.0) == now + 86400.0


@dataclass(eq=False)
class Hourly(Stage):
    """Refuses everything for `down` seconds, from `at` on, and says nothing of how long."""

    at: float = 10.0
    down: float = 600.0
    taken: list[float] = field(default_factory=list)

    async def complete(self, batch: Sequence[Request]) -> Response:
        now = asyncio.get_running_loop().time()
        if self.at <= now < self.at + self.down:
            raise RateLimited("no more")
        self.taken.append(now)
        return await super().complete(batch)


def test_a_server_that_refused_all_for_ten_minutes_is_asked_as_before_soon_after() -> None:
    stage = Hourly(PACES["constant"])
    ask_for(700, stage, 20, concurrency=8)
    assert count(stage.taken, 640, 700) >= 0.5 * 8 * 60


def test_a_hiccup_after_an_hour_of_little_demand_does_not_make_a_lane_crawl() -> None:
    stage = Hourly(PACES["constant"], at=3622.0, down=1.0)

    async def main() -> None:
        run = Scope("run", paid=True)
        async with Engine({"e": expert(concurrency=8)}, lambda _: stage, MemoryJournal()) as engine:
            for number in range(12):
                await engine.ask(request(f"early {number}"), Seat(run))
                await asyncio.sleep(300)
            async with asyncio.TaskGroup() as group:
                for number in range(400):
                    group.create_task(engine.ask(request(f"q{number}"), Seat(run)))

    _, seconds = run_virtual(main())
    assert seconds <= 3612 + 120


@dataclass(eq=False)
class Plenty(Stage):
    """Refuses one, and tells of tokens that it has plenty of, as servers do that count something else."""

    async def complete(self, batch: Sequence[Request]) -> Response:
        if len(self.batches) == 49:
            self.batches.append(tuple(batch))
            error = RateLimited("slow down", retry_after=0.1)
            error.stated = StatedLimits(Allowance(14400, 14000, 3600.0), Allowance(18000, 17997, 7.66))
            raise error
        return await super().complete(batch)


def test_what_a_server_has_plenty_of_is_not_taken_for_its_limit() -> None:
    stage = Plenty(PACES["constant"])
    ask_for(600, stage, 20, concurrency=8)
    assert len(stage.answered) >= 0.4 * 8 * 600


@dataclass(eq=False)
class Storm(Stage):
    async def complete(self, batch: Sequence[Request]) -> Response:
        self.times.append(asyncio.get_running_loop().time())
        raise RateLimited("slow down", retry_after=0.01)


def test_a_server_that_refuses_again_and_again_is_left_alone_for_longer_than_it_asks() -> None:
    stage = Storm()
    ask_for(100, stage, 20, concurrency=8)
    assert len(stage.times) <= 60


def test_more_than_a_server_told_is_tried_after_ten_minutes_and_not_before() -> None:
    learned = Learned()
    learned.told(10.0, 1.0, 0.0, 600.0)
    rates = []
    for second in range(1, 900):
        learned.opens_at(float(second))
        learned.take(float(second))
        rates.append(learned.rate or 0.0)
    assert max(rates[:598]) == pytest.approx(9.5)
    assert rates[-1] > 9.5
