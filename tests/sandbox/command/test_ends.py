"""How commands of the user's end, of themselves, by a limit or with their host: nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.sandbox.command import CommandLimits, remove
from tests.sandbox.cell import LINUX
from tests.sandbox.command.runner import Runner

pytestmark = pytest.mark.skipif(not LINUX, reason="commands are confined on Linux only")

Note = Callable[[], Awaitable[None]]


@pytest.fixture
def alive(place: Path) -> Iterator[Callable[[], bool]]:
    """Whether anybody holds the pipe `held` open for writing."""
    path = place / "copy" / "held"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def alive() -> bool:
        # Without writers a pipe is at its end; with one there is nothing to read yet.
        try:
            return os.read(reading, 1) != b""
        except BlockingIOError:
            return True

    yield alive
    os.close(reading)


@pytest.fixture
async def note(place: Path) -> AsyncIterator[Note]:
    """Waits until something is written to the pipe `note` in the copy."""
    path = place / "copy" / "note"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    written = asyncio.Event()
    asyncio.get_running_loop().add_reader(reading, written.set)

    async def wait() -> None:
        async with asyncio.timeout(60):
            await written.wait()

    yield wait
    asyncio.get_running_loop().remove_reader(reading)
    os.close(reading)


async def test_a_daemon_ends_with_its_command(run: Runner, alive: Callable[[], bool]) -> None:
    text = "exec 3>held; (setsid sh -c 'echo >started; exec sleep 1000' &) ; until [ -e started ]; do sleep 0.01; done"
    done = await run("sh", "-c", text)
    assert (done.ended, done.status) == ("exited", 0)
    assert not alive()


@pytest.mark.parametrize("text", ["while :; do :; done", "sleep 1000"], ids=["busy", "asleep"])
async def test_time_is_up_for_all(run: Runner, text: str, alive: Callable[[], bool]) -> None:
    done = await run("sh", "-c", f"exec 3>held; ({text}) & {text}", limits=CommandLimits(seconds=2))
    assert (done.ended, done.status) == ("timeout", None)
    assert not alive()


async def test_cancelling_kills_all(run: Runner, note: Note, alive: Callable[[], bool]) -> None:
    running = asyncio.ensure_future(run("sh", "-c", "exec 3>held; sleep 1000 & echo >note; sleep 1000"))
    await note()
    assert alive()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive()


HOST = """
import asyncio, sys
from pathlib import Path
from orchestrator.sandbox import command as module
from orchestrator.sandbox import command_job
if sys.argv[2] == "beside":
    command_job._ROOT = "none"
place = Path(sys.argv[1])
text = "exec 3>held; setsid sleep 1000 & echo >note; sleep 1000"
asyncio.run(module.run_command(module.Command(("sh", "-c", text), place / "copy", place / "folder")))
"""


@pytest.mark.parametrize("way", ["inside", "beside"])
async def test_when_the_host_is_killed_the_command_ends(place: Path, note: Note, way: str) -> None:
    held = place / "copy" / "held"
    os.mkfifo(held)
    reading = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    try:
        # Its folders stay behind, so they are made here.
        environment = {**os.environ, "TMPDIR": str(place)}
        host = await asyncio.create_subprocess_exec(sys.executable, "-c", HOST, str(place), way, env=environment)
        await note()
        host.kill()
        await host.wait()
        # Without writers left the pipe is at its end, and `select` says so.
        assert await asyncio.to_thread(lambda: select.select([reading], [], [], 30)[0])
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)


async def test_signals_that_end_it_are_told(run: Runner) -> None:
    done = await run("sh", "-c", "kill -11 $$")
    assert (done.ended, done.status) == ("killed", -11)


FOUR = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(100 * 2**20)
        time.sleep(1000)
time.sleep(1000)
"""


async def test_memory_is_counted_over_all_processes(run: Runner) -> None:
    done = await run("python", "-c", FOUR, limits=CommandLimits(seconds=60, memory_mb=300))
    assert done.ended == "memory"
    assert done.peak_mb > 300


async def test_processes_are_counted(run: Runner) -> None:
    text = "import os, time\nfor _ in range(40):\n    if not os.fork(): break\ntime.sleep(60)"
    assert (await run("python", "-c", text, limits=CommandLimits(seconds=60, processes=20))).ended == "processes"


async def test_a_folder_full_of_traps_is_removed(run: Runner, place: Path) -> None:
    deep = "import os\nfor _ in range(1200):\n    os.mkdir('d'); os.chdir('d')\nos.chmod('.', 0)"
    done = await run("python", "-c", f"{deep}")
    assert done.status == 0, done.output
    await asyncio.to_thread(remove, place / "copy")
    assert not (place / "copy").exists()
