"""What a server sees of a pace when it, or the process that asks, is held up again and again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import TypeAlias

import pytest

from orchestrator.engine.pace import Pace
from tests.clock import VirtualClockLoop, route_time

HoldUps: TypeAlias = Sequence[tuple[float, float]]
"""When each begins, and how long it is, in seconds."""
SECONDS, ON_THE_WAY = 8.0, 0.002


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)


def hold_ups(seed: int, longest: float) -> HoldUps:
    rng, found, at = random.Random(seed), [], 0.5
    while longest and at < SECONDS:
        found.append((at, rng.uniform(longest / 2, longest)))
        at += longest + rng.expovariate(1 / 0.7)
    return found


def sent_at(rate: float, held: HoldUps, seed: int = 0) -> list[float]:
    """When calls leave this process, while thousands wait; the loop stands still when it is held up."""
    loop, rng, sent = VirtualClockLoop(), random.Random(seed), list[float]()

    async def one(pace: Pace) -> None:
        await pace.leave()
        await asyncio.sleep(rng.uniform(0, ON_THE_WAY))
        sent.append(loop.time())

    def stand_still(seconds: float) -> None:
        loop._now += seconds

    async def main() -> None:
        pace = Pace(rate * 60)
        for at, seconds in held:
            loop.call_at(at, stand_still, seconds)
        async with asyncio.TaskGroup() as group:
            while loop.time() < SECONDS:
                if (wait := pace.opens_at(loop.time()) - loop.time()) > 1e-6:
                    await asyncio.sleep(wait + 1e-6)
                    continue
                pace.take(loop.time())
                group.create_task(one(pace))
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    return sorted(sent)


def seen_at(sent: Sequence[float], held: HoldUps) -> list[float]:
    """When a server that is held up reads what was sent."""
    ends = [(at, at + seconds) for at, seconds in held]
    return [next((end for at, end in ends if at <= when < end), when) for when in sent]


def most_in_a_second(times: Sequence[float]) -> int:
    most = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("rate", [50, 120, 200, 500, 1000])
def test_nobody_is_held_up_and_nine_tenths_are_used(rate: int) -> None:
    sent = sent_at(rate, ())
    assert most_in_a_second(sent) <= rate
    assert len(sent) >= 0.92 * rate * SECONDS


@pytest.mark.parametrize(("rate", "longest"), [(50, 0.04), (200, 0.04), (500, 0.06), (1000, 0.06)])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_server_that_is_held_up_never_sees_more_than_its_limit(rate: int, longest: float, seed: int) -> None:
    held = hold_ups(seed, longest)
    assert most_in_a_second(seen_at(sent_at(rate, (), seed), held)) <= rate


@pytest.mark.parametrize(("rate", "longest"), [(50, 0.06), (200, 0.06), (1000, 0.06), (1000, 0.1), (1000, 0.15)])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_made_up_for_and_what_was_on_its_way_are_no_more_than_the_limit(
    rate: int, longest: float, seed: int
) -> None:
    sent = sent_at(rate, hold_ups(seed, longest), seed)
    assert most_in_a_second(sent) <= rate
    assert len(sent) >= 0.84 * rate * SECONDS


@pytest.mark.parametrize("seed", [1, 2])
def test_both_may_be_held_up(seed: int) -> None:
    sent = sent_at(1000, hold_ups(seed, 0.06), seed)
    assert most_in_a_second(seen_at(sent, hold_ups(seed + 10, 0.06))) <= 1000
    assert len(sent) >= 0.88 * 1000 * SECONDS
