"""Many programs, hostile ones among them, and then a count of what is left: nothing may be, and memory stays flat."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from orchestrator.sandbox import Asserts, Call, Calls, Limits, Sandbox, Suite

from . import methods, usage

_LIMITS = Limits(seconds=0.1, wall=0.5, memory_mb=256, output_mb=1)
_PROGRAMS = (
    "def f(x):\n    return x + {n}",
    "def f(x):\n    return x - {n} - 1",
    "def f(x):\n    raise ValueError({n})",
    "def f(x):\n    print('out', {n})\n    return x + {n}",
    "import sys\ndef f(x):\n    sys.exit({n})",
    "def f(x):\n    open('left-{n}', 'w').write('x' * 1000)\n    return x + {n}",
    "from threading import Thread\nimport time\nfor _ in range(3):\n"
    "    Thread(None, time.sleep, args=(9,), daemon=True).start()\ndef f(x):\n    return x + {n}",
    "import os\ndef f(x):\n    os.kill(os.getpid(), 11)  # {n}",
    "import os\ndef f(x):\n    os.close(3) if {n} else None\n    return x + {n}",
    "def f(x)\n    return {n}",
    "import tempfile, os\nd = tempfile.mkdtemp()\nos.mkdir(os.path.join(d, 'in-{n}'))\ndef f(x):\n    return x + {n}",
)
_RARE = (
    "def f(x):\n    while True:\n        pass  # {n}",
    "import os\ndef f(x):\n    while True:\n        os.fork()  # {n}",
    "def f(x):\n    return 'x' * (1 << 30)  # {n}",
    "import time\ndef f(x):\n    time.sleep(60)  # {n}",
    "import socket\ndef f(x):\n    socket.socket()  # {n}",
)
"""Run once in fifty: some of them take their whole time."""


@dataclass(frozen=True, slots=True)
class Count:
    """What there is at one moment."""

    done: int
    host_mb: float
    workers_mb: float
    processes: int
    zombies: int
    descriptors: int
    files: int
    """In the folder for temporary files."""

    def line(self, label: str) -> str:
        """A row of the table."""
        return (
            f"{label:10} {self.done:8} {self.host_mb:8.1f} {self.workers_mb:11.1f} {self.processes:9} {self.zombies:7} "
            f"{self.descriptors:11} {self.files:6}"
        )


def run(count: int, workers: int) -> int:
    """Prints the counts, and what is left at the end; 1 if anything is, or if memory has grown."""
    return asyncio.run(_run(count, workers))


async def _run(count: int, workers: int) -> int:
    head = ("programs", "host MB", "workers MB", "processes", "zombies", "descriptors", "files")
    print(" " * 10, *head)
    await asyncio.to_thread(os.getpid)  # the loop's own thread and descriptors are no leak
    before = _count(0)
    print(before.line("before"))
    verdicts: Counter[str] = Counter()
    start = time.perf_counter()
    async with Sandbox(workers, cache=256) as box:
        await methods.start_all(box, workers)
        marks = [_count(0)]
        print(marks[0].line("started"))
        programs = _programs(count)
        for done in (count // 10, count // 2, count):
            await _verified(box, islice(programs, done - marks[-1].done), workers, verdicts)
            marks.append(_count(done))
            print(marks[-1].line("running"))
    seconds = time.perf_counter() - start
    after = _count(count)
    print(after.line("closed"))
    print(f"{count / seconds:.0f}/s; " + ", ".join(f"{name} {number}" for name, number in verdicts.most_common()))
    return _judged(before, marks, after)


async def _verified(box: Sandbox, programs: Iterator[tuple[str, Suite]], workers: int, verdicts: Counter[str]) -> None:
    async def take() -> None:
        for program, suite in programs:
            verdicts[(await box.verify(program, suite, _LIMITS)).verdict] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(4 * workers):
            group.create_task(take())


def _programs(count: int) -> Iterator[tuple[str, Suite]]:
    """Each with a suite; the suites recur, as they do in a search."""
    for number in range(count):
        templates = _RARE if number % 50 == 0 else _PROGRAMS
        text = templates[(number // 50 if number % 50 == 0 else number) % len(templates)].replace(
            "{n}", str(number % 97)
        )
        body = f"{text}\n# {number}\n"
        suite = number % 97
        if number % 3 == 0:
            yield body, Asserts((f"assert f(1) == {suite} + 1", f"assert f(2) == {suite} + 2"))
        elif number % 3 == 1:
            yield body, Asserts((f"assert f(1) == {suite} + 1",), trusted=False)
        else:
            yield body, Calls("f", (Call((1,), suite + 1), Call((2,), suite + 2)))


def _count(done: int) -> Count:
    below = usage.descendants()
    return Count(
        done,
        usage.resident_mb(os.getpid()),
        sum(one.resident for one in below) / 2**20,
        len(below),
        sum(one.state == "Z" for one in below),
        usage.open_descriptors(),
        sum(1 for _ in Path(tempfile.gettempdir()).iterdir()),
    )


def _judged(before: Count, marks: list[Count], after: Count) -> int:
    left = []
    if after.processes:
        left.append(f"{after.processes} processes, {after.zombies} of them zombies")
    if after.descriptors > before.descriptors:
        left.append(f"{after.descriptors - before.descriptors} descriptors")
    early, late = marks[1], marks[-1]
    for name, then, now in (
        ("the host", early.host_mb, late.host_mb),
        ("the workers", early.workers_mb, late.workers_mb),
    ):
        if now > 1.1 * then + 2:
            left.append(f"{name} grew from {then:.1f} to {now:.1f} MB")
    if late.descriptors > early.descriptors:
        left.append(f"descriptors grew from {early.descriptors} to {late.descriptors}")
    print("nothing is left" if not left else "left: " + "; ".join(left))
    return 1 if left else 0
