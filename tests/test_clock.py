"""The virtual clock that other tests rely on."""

from __future__ import annotations

import asyncio
import threading
import time

import aiohttp
import pytest
from asyncio_throttle.throttler import Throttler

from tests.clock import Deadlock, VirtualClockLoop, run_virtual
from tests.double import Double


def test_hours_pass_in_no_time() -> None:
    async def main() -> list[str]:
        order: list[str] = []

        async def wait(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(wait("late", 7200))
            group.create_task(wait("early", 60))
        return order

    started = time.monotonic()
    order, seconds = run_virtual(main())
    assert (order, round(seconds)) == (["early", "late"], 7200)
    assert time.monotonic() - started < 1


def test_timeouts_fire_at_their_own_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600):
                await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_virtual(main())[0] == pytest.approx(600)


def test_timers_never_fire_before_their_time_whatever_sums_are_rounded_to() -> None:
    now, when = 9.441635100584513, 108.21167429921628
    assert now + (when - now) < when

    async def main() -> float:
        loop = asyncio.get_running_loop()
        fired = loop.create_future()
        loop.call_at(when, fired.set_result, None)
        await fired
        return loop.time()

    with asyncio.Runner(loop_factory=lambda: VirtualClockLoop(start=now)) as runner:
        assert runner.run(main()) >= when


def test_deadlock_names_the_tasks_that_wait() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(never(), name="the-forgotten-one")

    with pytest.raises(Deadlock, match=r"the-forgotten-one: .*test_clock\.py:\d+ in .*never"):
        run_virtual(main())


def test_cancelled_timers_do_not_move_time() -> None:
    async def main() -> None:
        async with asyncio.timeout(900):
            await asyncio.sleep(1)

    assert run_virtual(main())[1] == pytest.approx(1)


def test_work_in_an_executor_is_waited_for_in_real_time() -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.05)

    started = time.monotonic()
    assert run_virtual(main()) == (None, 0.0)
    assert time.monotonic() - started >= 0.05


def test_a_thread_of_ones_own_is_waited_for_while_it_says_that_it_is_busy() -> None:
    busy = threading.Event()

    async def main() -> str:
        loop, answer = asyncio.get_running_loop(), asyncio.Event()

        def work() -> None:
            time.sleep(0.05)
            loop.call_soon_threadsafe(answer.set)
            busy.clear()

        busy.set()
        thread = threading.Thread(target=work)
        thread.start()
        async with asyncio.timeout(30):
            await answer.wait()
        thread.join()
        return "worked"

    assert run_virtual(main(), busy=busy.is_set) == ("worked", 0.0)


def test_a_server_in_the_same_process_hangs_in_virtual_time() -> None:
    async def main() -> int:
        async with Double(faults={"hang": 1}, max_faults=1, hang_s=600) as double, aiohttp.ClientSession() as client:
            url, body = f"{double.base_url}/chat/completions", {"model": "m", "messages": []}
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(120):
                    await client.post(url, json=body)
            async with client.post(url, json=body) as reply:
                return reply.status

    status, seconds = run_virtual(main())
    assert (status, 120 <= seconds < 130) == (200, True)


@pytest.mark.usefixtures("virtual_time")
def test_the_throttle_library_reads_the_loop_clock() -> None:
    async def main() -> None:
        throttler = Throttler(rate_limit=10, period=60, retry_interval=0.5)
        for _ in range(30):
            async with throttler:
                pass

    assert run_virtual(main())[1] == pytest.approx(120, abs=3)


class TestStepByStep:
    def test_rules_own_the_clock(self) -> None:
        loop, seen = VirtualClockLoop(auto=False), list[float]()

        async def tick() -> None:
            while True:
                await asyncio.sleep(10)
                seen.append(loop.time())

        task = loop.create_task(tick())
        loop.settle()
        assert (seen, loop.time()) == ([], 0)
        loop.advance(25)
        assert (seen, loop.time()) == ([10, 20], 25)
        loop.advance(5)
        assert (seen, loop.time()) == ([10, 20, 30], 30)
        task.cancel()
        loop.settle()
        assert task.cancelled()
        loop.close()

    def test_waiting_for_nothing_is_no_deadlock(self) -> None:
        loop = VirtualClockLoop(auto=False)
        event = asyncio.Event()
        task = loop.create_task(event.wait())
        loop.advance(1000)
        assert (task.done(), loop.time()) == (False, 1000)
        event.set()
        loop.settle()
        assert task.result() is True
        loop.close()

    def test_an_automatic_clock_is_not_moved_by_hand(self) -> None:
        loop = VirtualClockLoop()
        with pytest.raises(RuntimeError, match="auto=False"):
            loop.settle()
        loop.close()
