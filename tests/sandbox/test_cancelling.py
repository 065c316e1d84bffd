"""What cancelling ends, and event loops: one sandbox for all of them."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.sandbox import Asserts, Call, Calls, Execution, Limits, Sandbox, Stdio, Stream

from .watching import Started

GOOD = "def f(x):\n    return x + 1\n"
ENDLESS = "def f(x):\n    while True: pass\n"
SUITE = Calls("f", (Call((1,), 2), Call((2,), 3)))
LIMITS = Limits(5.0, wall=30.0)
LONG = Limits(100.0, wall=300.0)
MARKS = itertools.count()


@pytest.fixture
async def programs(box: Sandbox) -> Started:
    """What runs beside the two workers, which are up."""
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(box.verify(f"import time\ntime.sleep(0.2)\n{GOOD}# {next(MARKS)}", SUITE, LIMITS))
    return Started()


async def test_cancelling_ends_the_program(box: Sandbox, programs: Started) -> None:
    task = asyncio.ensure_future(box.verify(f"{ENDLESS}# cancelled", SUITE, LONG))
    assert await programs.are(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await programs.are(0)
    assert (await box.verify(f"{GOOD}# after cancelling", SUITE, LIMITS)).verdict == "passed"


@pytest.mark.parametrize("form", ["calls", "asserts", "untrusted", "stdio", "outputs", "matrix"])
async def test_every_form_can_be_cancelled(box: Sandbox, programs: Started, form: str) -> None:
    forms: dict[str, Callable[[], Awaitable[object]]] = {
        "calls": lambda: box.verify(f"{ENDLESS}# x", SUITE, LONG),
        "asserts": lambda: box.verify(ENDLESS, Asserts(("assert f(1) == 2",)), LONG),
        "untrusted": lambda: box.verify(ENDLESS, Asserts(("for i in (1,): f(i)",), trusted=False), LONG),
        "stdio": lambda: box.verify("while True: pass", Stdio((Stream("", ""),)), LONG),
        "outputs": lambda: box.outputs(ENDLESS, "f", [(1,)], LONG),
        "matrix": lambda: box.matrix([ENDLESS], ["assert f(1) == 2"], LONG),
    }
    task = asyncio.ensure_future(forms[form]())
    assert await programs.are(2 if form == "untrusted" else 1), "such a test has a process of its own"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await programs.are(0)


async def test_a_time_limit_of_the_callers_ends_the_program(box: Sandbox, programs: Started) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await box.verify(f"{ENDLESS}# timeout", SUITE, LONG)
    assert await programs.are(0)


async def test_a_program_goes_on_while_somebody_waits_for_it(box: Sandbox, programs: Started) -> None:
    program = f"import time\ntime.sleep(0.3)\n{GOOD}"
    first = asyncio.ensure_future(box.verify(f"{program}# goes on", SUITE, LIMITS))
    second = asyncio.ensure_future(box.verify(f"{program}# goes on", SUITE, LIMITS))
    assert await programs.are(1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    done = await second
    assert (done.verdict, done.rerun) == ("passed", False)


async def test_when_all_have_cancelled_the_program_ends(box: Sandbox, programs: Started) -> None:
    tasks = [asyncio.ensure_future(box.verify(f"{ENDLESS}# all", SUITE, LONG)) for _ in range(3)]
    assert await programs.are(1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert await programs.are(0)
    again = asyncio.ensure_future(box.verify(f"{ENDLESS}# all", SUITE, Limits(0.1, wall=0.3)))
    assert (await again).verdict == "timeout", "it is run anew, not joined"


async def test_what_waits_behind_others_and_is_cancelled_never_runs() -> None:
    async with Sandbox(workers=1) as box:
        await box.isolate()
        busy = asyncio.ensure_future(box.verify(ENDLESS, SUITE, LONG))
        waiting = asyncio.ensure_future(box.verify(f"{ENDLESS}# behind", SUITE, LONG))
        await asyncio.sleep(0)
        waiting.cancel()
        busy.cancel()
        await asyncio.wait([busy, waiting])
        assert (await box.verify(GOOD, SUITE, LIMITS)).verdict == "passed"


async def test_the_event_loop_goes_on_meanwhile(box: Sandbox) -> None:
    task = asyncio.ensure_future(box.verify(f"{ENDLESS}# loop", SUITE, Limits(0.2, wall=0.4)))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 5


# -- event loops ----------------------------------------------------------------------------


def test_one_sandbox_serves_one_event_loop_after_another() -> None:
    started = Started()
    box = Sandbox(workers=1)
    for mark in range(2):
        assert asyncio.run(box.verify(f"{GOOD}# {mark}", SUITE, LIMITS)).verdict == "passed"
        assert len(started.pids()) == 2, "its processes stay"
    box.close()
    assert asyncio.run(started.are(0))


def test_one_sandbox_serves_several_event_loops_at_once(box: Sandbox) -> None:
    found: dict[int, list[Execution]] = {}

    async def some(number: int) -> list[Execution]:
        return [await box.verify(f"{GOOD}# {i % 5}", SUITE, LIMITS) for i in range(10 * number, 10 * number + 10)]

    def run(number: int) -> None:
        found[number] = asyncio.run(some(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.verdict for number in range(4) for one in found[number]] == ["passed"] * 40


async def test_a_closed_sandbox_comes_back_when_needed() -> None:
    started = Started()
    box = Sandbox(workers=1)
    for mark in range(2):
        assert (await box.verify(f"{GOOD}# {mark}", SUITE, LIMITS)).verdict == "passed"
        await box.aclose()
        assert await started.are(0)
    await box.aclose()


async def test_leaving_the_block_leaves_no_process() -> None:
    started = Started()
    async with Sandbox(workers=2) as box, asyncio.TaskGroup() as group:
        for mark in range(4):
            group.create_task(box.verify(f"{GOOD}# {mark}", SUITE, LIMITS))
    assert await started.are(0)
