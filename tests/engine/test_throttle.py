"""Rate limits in every window of a minute, in the order of asking, whoever leaves the queue."""

import asyncio
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.throttle import Permit, Throttle
from orchestrator.errors import Allowance, StatedLimits
from orchestrator.types import Expert
from tests.clock import route_time, run_virtual
from tests.quiet import QUIET


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)


def throttle(**limits: float) -> Throttle:
    return Throttle(Expert("e", "m", **limits))  # type: ignore[arg-type]


async def opened(gate: Throttle, want: int) -> None:
    """Waits as the head of a queue does, without anybody who settles meanwhile."""
    loop = asyncio.get_running_loop()
    seconds = gate.opens_at(want, loop.time()) - loop.time()
    if seconds > 1e-6:
        await asyncio.sleep(seconds)
        await opened(gate, want)


async def passed(gate: Throttle, want: int) -> Permit:
    """Waits, leaves, and says so."""
    loop = asyncio.get_running_loop()
    await opened(gate, want)
    permit = gate.take(want, loop.time())
    await gate.leave(permit)
    return permit


def left_at(tokens: Sequence[int], **limits: float) -> list[float]:
    """When each of these attempts may leave, one after the other."""
    times: list[float] = []

    async def main() -> None:
        gate = throttle(**limits)
        for want in tokens:
            await passed(gate, want)
            times.append(asyncio.get_running_loop().time())

    run_virtual(main())
    return times


def most_in(seconds: float, times: Sequence[float], weights: Sequence[int]) -> int:
    """The largest sum of any window of so many seconds, its ends among it."""
    sums = [0, *accumulate(weights)]
    most, first = 0, 0
    for last, time in enumerate(times):
        while time - times[first] > seconds:
            first += 1
        most = max(most, sums[last + 1] - sums[first])
    return most


@pytest.mark.parametrize("rpm", [0.5, 1, 7, 60, 100, 600, 1200, 2500, 3700, 10_000, 60_000])
def test_requests_a_minute_are_kept_in_every_minute_and_second_and_nearly_used_up(rpm: float) -> None:
    asked = max(4, int(rpm * 1.5))
    times = left_at([1] * asked, rpm=rpm)
    assert most_in(60.0, times, [1] * asked) <= max(1, rpm)
    if rpm >= 120:
        assert most_in(1.0, times, [1] * asked) <= rpm / 60
    assert times[-1] <= 60 * asked / rpm * 1.09 + 0.1


@pytest.mark.parametrize("rpm", [120, 3000, 60_000])
def test_a_pace_that_fell_behind_is_made_up_for_within_the_limit(rpm: float) -> None:
    times: list[float] = []

    async def main() -> None:
        gate, loop = throttle(rpm=rpm), asyncio.get_running_loop()
        for number in range(int(rpm / 60) * 6):
            if number % (int(rpm / 60) or 1) == 0:
                await asyncio.sleep(0.3)  # nobody asked, or the machine was busy
            await passed(gate, 1)
            times.append(loop.time())

    run_virtual(main())
    assert most_in(1.0, times, [1] * len(times)) <= rpm / 60


def test_calls_that_a_slow_disk_brought_together_are_taken_apart_again() -> None:
    times: list[float] = []

    async def one(gate: Throttle, delay: float) -> None:
        permit = gate.take(1, asyncio.get_running_loop().time())
        await asyncio.sleep(delay)
        await gate.leave(permit)
        times.append(asyncio.get_running_loop().time())

    async def main() -> None:
        gate, loop = throttle(rpm=600), asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                await opened(gate, 1)
                group.create_task(one(gate, max(0.0, 1.0 - loop.time() % 2)))

    run_virtual(main())
    assert most_in(1.0, sorted(times), [1] * 40) <= 10
    assert times[-1] <= 6.0


@settings(QUIET, max_examples=40)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=40))
def test_tokens_a_minute_are_kept_in_every_window(tokens: list[int]) -> None:
    times = left_at(tokens, tpm=500)
    assert times == sorted(times)
    assert most_in(60.0, times, [min(t, 500) for t in tokens]) <= 500


def test_an_attempt_that_used_little_makes_room_at_once() -> None:
    async def main() -> tuple[float, float]:
        gate = throttle(tpm=100)
        permit = await passed(gate, 100)
        before = gate.opens_at(70, 5.0)
        gate.settle(permit, 30)
        return before, gate.opens_at(70, 5.0)

    assert run_virtual(main())[0] == pytest.approx((62.0, 5.0), abs=0.2)


def test_a_permit_that_is_settled_after_its_minute_changes_nothing() -> None:
    async def main() -> list[float]:
        gate, loop = throttle(tpm=100), asyncio.get_running_loop()
        old = await passed(gate, 100)
        await passed(gate, 100)
        times = [loop.time()]
        gate.settle(old, 0)
        await passed(gate, 100)
        return [*times, loop.time()]

    assert run_virtual(main())[0] == pytest.approx([62.0, 124.0], abs=0.3)


def test_an_attempt_counts_from_when_it_is_sent() -> None:
    async def main() -> float:
        gate, loop = throttle(tpm=100), asyncio.get_running_loop()
        permit = gate.take(100, loop.time())
        await asyncio.sleep(5)
        await gate.leave(permit)
        return gate.opens_at(1, loop.time())

    assert run_virtual(main())[0] == pytest.approx(67.0, abs=0.2)


def test_a_request_larger_than_a_minute_waits_for_an_empty_one_and_starves_nobody() -> None:
    assert left_at([50, 5000, 50], tpm=100) == pytest.approx([0.0, 62.0, 124.0], abs=0.3)


def test_a_group_is_no_larger_than_what_is_free() -> None:
    async def main() -> list[bool]:
        gate, loop = throttle(tpm=100), asyncio.get_running_loop()
        gate.take(40, loop.time())
        return [gate.fits(60, loop.time()), gate.fits(61, loop.time())]

    assert run_virtual(main())[0] == [True, False]


def test_a_limit_of_ones_own_is_kept_whatever_a_server_allows() -> None:
    async def main() -> None:
        gate, loop = throttle(tpm=100), asyncio.get_running_loop()
        permit = gate.take(60, loop.time())
        gate.refused(True, 0, StatedLimits(tokens=Allowance(100_000, 10, 60.0)), 60, loop.time())
        await asyncio.sleep(30)
        gate.settle(permit, 50)
        gate.take(50, loop.time())
        assert gate.opens_at(40, loop.time()) == pytest.approx(62, abs=0.1)
        assert not gate.fits(40, loop.time())

    run_virtual(main())


def test_what_was_let_through_under_another_limit_does_not_make_room_in_the_one_that_is_told() -> None:
    async def main() -> None:
        gate, loop = throttle(), asyncio.get_running_loop()
        gate.refused(True, 0, StatedLimits(tokens=Allowance(1000, 0, 60.0)), 500, loop.time())
        await asyncio.sleep(60)
        old = gate.take(900, loop.time())
        gate.refused(True, 0, StatedLimits(tokens=Allowance(1000, 0, 60.0)), 500, loop.time())
        await gate.leave(old)
        gate.settle(old, 10)
        assert not gate.fits(200, loop.time())

    run_virtual(main())


def test_who_was_sent_late_counts_for_as_long_as_the_others() -> None:
    async def main() -> float:
        gate, loop = throttle(tpm=100), asyncio.get_running_loop()
        first, second = gate.take(50, loop.time()), gate.take(50, loop.time())
        await gate.leave(second)
        await asyncio.sleep(20)
        await gate.leave(first)
        await asyncio.sleep(43)
        return gate.opens_at(60, loop.time())

    assert run_virtual(main())[0] == pytest.approx(82, abs=0.1)


def test_who_was_let_through_and_left_a_minute_later_counts_all_the_same() -> None:
    async def main() -> bool:
        gate, loop = throttle(tpm=100), asyncio.get_running_loop()
        permit = gate.take(80, loop.time())
        await asyncio.sleep(70)
        assert gate.fits(80, loop.time())
        await gate.leave(permit)
        return gate.fits(80, loop.time())

    assert run_virtual(main())[0] is False
