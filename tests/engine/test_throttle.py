"""Rate limits in every window of a minute, in the order of asking, whoever leaves the queue."""

import asyncio
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.engine.throttle import Permit, Throttle
from orchestrator.types import Expert
from tests.clock import route_time, run_virtual

QUIET = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)


def throttle(**limits: float) -> Throttle:
    return Throttle(Expert("e", "m", **limits))  # type: ignore[arg-type]


def left_at(tokens: Sequence[int], **limits: float) -> list[float]:
    """When each of these attempts, asked all at once, may leave."""
    times: list[float] = []

    async def main() -> None:
        gate = throttle(**limits)

        async def one(want: int) -> None:
            await gate.admit(want)
            times.append(asyncio.get_running_loop().time())

        async with asyncio.TaskGroup() as group:
            for want in tokens:
                group.create_task(one(want))

    run_virtual(main())
    return times


def most_in_a_minute(times: Sequence[float], weights: Sequence[int]) -> int:
    sums = [0, *accumulate(weights)]
    most, first = 0, 0
    for last, time in enumerate(times):
        while time - times[first] > 60.0:
            first += 1
        most = max(most, sums[last + 1] - sums[first])
    return most


@pytest.mark.parametrize("rpm", [0.5, 1, 7, 60, 600, 1200, 2500, 3700, 10_000])
def test_requests_a_minute_are_kept_in_every_window_and_nearly_used_up(rpm: float) -> None:
    asked = max(4, int(rpm * 2.5))
    times = left_at([1] * asked, rpm=rpm)
    assert most_in_a_minute(times, [1] * asked) <= max(1, rpm)
    assert times[-1] <= 60 * asked / rpm * 1.01 + 0.1


@settings(QUIET, max_examples=40)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=40))
def test_tokens_a_minute_are_kept_in_every_window(tokens: list[int]) -> None:
    times = left_at(tokens, tpm=500)
    assert times == sorted(times)
    assert most_in_a_minute(times, [min(t, 500) for t in tokens]) <= 500


def test_an_attempt_that_used_little_makes_room_at_once() -> None:
    async def main() -> float:
        gate = throttle(tpm=100)
        permit = await gate.admit(100)
        asyncio.get_running_loop().call_later(5.0, gate.settle, permit, 30)
        await gate.admit(70)
        return asyncio.get_running_loop().time()

    assert run_virtual(main())[0] == pytest.approx(5.0)


def test_a_permit_that_is_settled_after_its_minute_changes_nothing() -> None:
    async def main() -> list[float]:
        gate, loop = throttle(tpm=100), asyncio.get_running_loop()
        old = await gate.admit(100)
        await gate.admit(100)
        times = [loop.time()]
        gate.settle(old, 0)
        await gate.admit(100)
        return [*times, loop.time()]

    assert run_virtual(main())[0] == pytest.approx([60.0, 120.0], abs=0.01)


def test_a_request_larger_than_a_minute_waits_for_an_empty_one_and_starves_nobody() -> None:
    assert left_at([50, 5000, 50], tpm=100) == pytest.approx([0.0, 60.0, 120.0], abs=0.01)


@settings(QUIET, max_examples=60)
@given(
    leaving=st.dictionaries(st.integers(0, 11), st.integers(0, 60), max_size=8),
    used=st.lists(st.integers(0, 40), min_size=12, max_size=12),
    limits=st.sampled_from([{"rpm": 30.0}, {"tpm": 100.0}, {"rpm": 30.0, "tpm": 100.0}]),
)
def test_heads_and_others_may_leave_the_queue_and_the_rest_passes_in_order(
    leaving: dict[int, int], used: list[int], limits: dict[str, Any]
) -> None:
    passed: list[tuple[int, float]] = []

    async def main() -> None:
        gate, loop = throttle(**limits), asyncio.get_running_loop()

        async def one(number: int) -> None:
            permit: Permit | None = await gate.admit(40)
            passed.append((number, loop.time()))
            loop.call_later(3.0, gate.settle, permit, used[number])

        tasks = [asyncio.ensure_future(one(number)) for number in range(12)]
        for number, seconds in leaving.items():
            loop.call_later(seconds + 0.5, tasks[number].cancel)
        await asyncio.wait(tasks)

    with pytest.MonkeyPatch.context() as patch:
        route_time(patch)
        run_virtual(main())
    numbers = [number for number, _ in passed]
    assert numbers == sorted(numbers)
    assert set(range(12)) - set(leaving) <= set(numbers)
    times = [time for _, time in passed]
    if "rpm" in limits:
        assert most_in_a_minute(times, [1] * len(times)) <= 30
    if "tpm" in limits:
        assert most_in_a_minute(times, [used[number] for number in numbers]) <= 100
