"""After many verifications of all kinds nothing is left: no process, no descriptor, no file, no memory."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from orchestrator.sandbox import Asserts, Call, Calls, Limits, Sandbox, Stdio, Stream, Suite

from .host import descendants
from .watching import Started

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what is left is looked up in /proc")

LIMITS = Limits(1.0, wall=5.0, memory_mb=128, output_mb=1)
SHORT = Limits(0.02, wall=0.1)
CALLS = Calls("f", (Call((1,), 2), Call(([1, "two"],), 3)))
ASSERTS = Asserts(("assert f(1) == 2", "def g(x): return f(x)\nassert g([1]) is not None"))
APART = Asserts(("assert f(1) == 2", "for i in (1,): assert f(i) == 2"), trusted=False)
STDIO = Stdio((Stream("1\n", "2\n"), Stream("x\n", "2\n")))
FUNCTION = "def f(x):\n    {}\n    return 2\n"
KINDS: list[tuple[str, Suite, Limits]] = [
    *((FUNCTION.format(body), suite, LIMITS) for suite in (CALLS, ASSERTS, APART) for body in (
        "pass",
        "raise ValueError(x)",
        "import os; os._exit(0)",
        "open(f'file-{id(x)}', 'w').write('x')",
        "import os; os.makedirs('a/b/c', exist_ok=True)",
        "import threading; threading.Thread(target=threading.Event().wait).start()",
        "import os; os.pipe(); os.dup(0)",
        "print('x' * 10_000)",
        "return object()",
        "return 'x' * 2_000_000",
        "return f",
        "[0] * 10**9",
        "import os; os.abort()",
        "import os; os.write(3, b'junk' * 10)",
    )),
    ("print(2)", STDIO, LIMITS),
    ("print(int(input()) + 1)", STDIO, LIMITS),
    ("while True: print('x' * 1000)", STDIO, LIMITS),
    ("import os; os.close(1)", STDIO, LIMITS),
    ("def f(", CALLS, LIMITS),
    ("def f(x): return x + ", ASSERTS, LIMITS),
    (FUNCTION.format("while True: pass"), CALLS, SHORT),
    (FUNCTION.format("__import__('time').sleep(9)"), APART, SHORT),
]  # fmt: skip


@pytest.mark.parametrize(
    "number", [pytest.param(300, id="some"), pytest.param(20_000, id="many", marks=pytest.mark.slow)]
)
async def test_nothing_is_left(temporary: Path, number: int) -> None:
    started = Started()
    async with Sandbox(workers=2, cache=0) as box:
        await verified(box, range(2 * len(KINDS)))
        before, memory = descriptors(), megabytes(started)
        await verified(box, range(number))
        assert descriptors() == before
        assert await started.are(4), "of two workers a judge each, and what programs are forked from"
        assert not dead(started)
        assert megabytes(started) < memory + 50
        found = await box.outputs("import os\ndef f(): return os.listdir()", "f", [()], LIMITS)
        assert found[0].value == []
        assert len(files(temporary)) == 2, "a folder for each worker"
    assert await started.are(0)
    assert files(temporary) == []


async def test_cancelling_leaves_nothing(temporary: Path) -> None:
    started = Started()
    async with Sandbox(workers=2, cache=0) as box:
        await verified(box, range(10))
        before = descriptors()
        for mark in range(20):
            program = FUNCTION.format(f"while True: pass  # {mark}")
            task = asyncio.ensure_future(box.verify(program, CALLS, Limits(100.0, wall=300.0)))
            for _ in range(mark % 4):
                await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.wait([task])
        await verified(box, range(10))
        assert await started.are_at_most(4), "one that was slow to let go may have been given up"
        assert descriptors() <= before
        assert not dead(started)
    assert await started.are(0)
    assert files(temporary) == []


async def test_sandboxes_that_come_and_go_leave_nothing(temporary: Path) -> None:
    started = Started()
    for number in range(4):
        async with Sandbox(workers=1) as box:
            await verified(box, range(3))
        if number == 0:
            before = descriptors()
    assert descriptors() == before
    assert await started.are(0)
    assert files(temporary) == []


async def verified(box: Sandbox, numbers: range) -> None:
    """Runs a program of each kind after the other, at most eight at once."""
    room = asyncio.Semaphore(8)

    async def one(number: int) -> None:
        program, suite, limits = KINDS[number % len(KINDS)]
        async with room:
            done = await box.verify(f"{program}\n# {number}", suite, limits)
        assert "lost" not in done.detail, done

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(one(number))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


def megabytes(started: Started) -> float:
    """MiB that this process and those that it has started have in memory."""
    own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    table = descendants()
    return own + sum(table[pid][3] for pid in started.pids() if pid in table)


def dead(started: Started) -> list[int]:
    table = descendants()
    return [pid for pid in started.pids() if pid in table and table[pid][1] == "Z"]
