"""Async work from code that is not async: in a script, and in a notebook, where a loop is running already."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from orchestrator.blocking import blocking
from orchestrator.errors import ConfigError


def in_a_script(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return blocking(work())


def in_a_notebook(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    async def cell() -> Any:
        return blocking(work())

    return asyncio.run(cell())


EVERYWHERE = pytest.mark.parametrize("run", [in_a_script, in_a_notebook], ids=["script", "notebook"])
TOPIC: ContextVar[str] = ContextVar("topic", default="none")


@EVERYWHERE
def test_it_returns_what_the_work_returns(run: Callable[..., Any]) -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 4

    assert run(work) == 4


@EVERYWHERE
@pytest.mark.parametrize("error", [ConfigError("no"), SystemExit(3), asyncio.CancelledError()], ids=repr)
def test_what_it_raises_is_raised(run: Callable[..., Any], error: BaseException) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(type(error)) as caught:
        run(work)
    assert caught.value.args == error.args


@EVERYWHERE
def test_nothing_is_left_behind(run: Callable[..., Any]) -> None:
    ended: list[str] = []

    async def aside() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("aside")

    async def work() -> None:
        background.append(asyncio.ensure_future(aside()))
        await asyncio.sleep(0)

    background: list[asyncio.Future[None]] = []
    before = threading.active_count()
    run(work)
    assert ended == ["aside"]
    assert threading.active_count() == before


@EVERYWHERE
def test_the_work_sees_the_context_of_its_caller(run: Callable[..., Any]) -> None:
    async def work() -> str:
        return TOPIC.get()

    token = TOPIC.set("cats")
    try:
        assert run(work) == "cats"
    finally:
        TOPIC.reset(token)


def test_the_loop_around_it_is_not_used() -> None:
    async def cell() -> None:
        here = asyncio.get_running_loop()

        async def work() -> None:
            assert asyncio.get_running_loop() is not here

        blocking(work())
        assert asyncio.get_running_loop() is here

    asyncio.run(cell())


PROGRAM = """
import asyncio, signal, sys
from orchestrator.blocking import blocking

async def work():
    print("working", flush=True)
    try:
        await asyncio.sleep(60)
        print("went on", flush=True)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise

async def cell():
    return blocking(work())

def script():
    blocking(work())

def main():
    asyncio.run(cell())

def notebook():
    asyncio.new_event_loop().run_until_complete(cell())

async def served():
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    await cell()

def server():
    asyncio.run(served())

try:
    globals()[sys.argv[1]]()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("where", ["script", "main", "notebook", "server"])
def test_an_interrupt_cancels_the_work_before_it_is_passed_on(where: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, where], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert out.split() == ["cancelled", "interrupted"]
    assert "never awaited" not in err


def test_handlers_of_others_stay() -> None:
    heard: list[int] = []

    async def work() -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)

    async def cell() -> None:
        blocking(work())

    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        asyncio.run(cell())
        mine = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
    assert callable(mine)
    assert mine is not signal.default_int_handler


def test_solve_works_where_a_loop_is_running() -> None:
    from orchestrator import solve
    from orchestrator.experts.scripted import ScriptedExpert

    expert = ScriptedExpert(lambda request: "The answer is 4")

    async def cell() -> str | None:
        return solve("What is 2 + 2?", kind="number", strategy="cot", experts=[expert.value]).answer

    assert asyncio.run(cell()) == "4"
