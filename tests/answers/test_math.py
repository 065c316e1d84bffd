"""The pool with the real mathematics, and with processes that hang, die or talk nonsense."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator import answers
from orchestrator.answers.math import MathPool
from orchestrator.types import Message, Problem

ASKED = Problem("p", (Message("user", "?"),), "expression")
READY = "import sys, json\nsys.stdin.readline()\nprint('{\"ready\": true}', flush=True)\n"


@pytest.fixture(scope="module")
def mathematics() -> Iterator[MathPool]:
    pool = MathPool(workers=1)
    yield pool
    pool.close()


@pytest.fixture
async def closed_after() -> AsyncIterator[None]:
    yield
    await answers.aclose()


def script(tmp_path: Path, body: str) -> tuple[str, ...]:
    path = tmp_path / "worker.py"
    path.write_text(READY + body)
    return (sys.executable, str(path))


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A pipe: reading it waits for the process that writes to it."""
    path = tmp_path / "note"
    os.mkfifo(path)
    return path


async def noted(path: Path) -> int:
    return int(await asyncio.to_thread(path.read_text))


async def test_equal_expressions_meet_in_the_first_class_that_fits(mathematics: MathPool) -> None:
    keys = [
        r"\frac{1}{2}",
        "x+1",
        "1+x",
        r"2\sqrt{3}",
        r"\sqrt{12}",
        "(1,2)",
        "(1,2]",
        r"\int_0^1x^2dx",
        r"\frac{1}{3}",
    ]
    assert await mathematics.classes(keys) == [0, 1, 1, 2, 2, 3, 4, 5, 5]


async def test_an_expression_without_end_is_only_equal_to_itself(mathematics: MathPool) -> None:
    assert await mathematics.classes(["x+1", "9^{9^{9^{9^{9}}}}", "1+x", "y"]) == [0, 1, 0, 2]


@pytest.mark.parametrize("hostile", ["\\", "{" * 400, "\x00", "\\frac{" * 60, "\ud800", "\\begin{pmatrix}", "=" * 200])
async def test_odd_latex_never_ends_the_process(mathematics: MathPool, hostile: str) -> None:
    assert await mathematics.classes(["x+1", hostile, "1+x"]) in ([0, 1, 0], [0, 1, 2])
    assert await mathematics.classes(["2x", "x+x"]) == [0, 0]


async def test_nothing_is_started_for_what_needs_no_mathematics() -> None:
    pool = MathPool(command=("/does/not/exist",))
    assert await pool.classes([]) == []
    assert await pool.classes(["x"]) == [0]


async def test_a_process_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    body = (
        f"import os, time\nopen({str(note)!r}, 'a').write(f'{{os.getpid()}} ')\nsys.stdin.readline()\ntime.sleep(1000)"
    )
    pool = MathPool(workers=1, hang_seconds=0.1, command=script(tmp_path, body))
    assert await pool.classes(["a", "b"]) == [0, 1]
    assert await pool.classes(["a", "b", "c"]) == [0, 1, 2]
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)
    pool.close()


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit(1)",
        "sys.stdin.readline()\nsys.exit(1)",
        "sys.stdin.readline()\nprint('no json', flush=True)",
        "sys.stdin.readline()\nprint('{\"classes\": [0]}', flush=True)",
        'sys.stdin.readline()\nprint(\'{"classes": "x"}\', flush=True)',
    ],
)
async def test_a_process_that_dies_or_talks_nonsense_counts_all_as_different(tmp_path: Path, body: str) -> None:
    pool = MathPool(workers=1, hang_seconds=5, command=script(tmp_path, body))
    assert await pool.classes(["a", "b"]) == [0, 1]
    pool.close()


async def test_a_process_that_cannot_start_counts_all_as_different() -> None:
    pool = MathPool(command=("/does/not/exist",))
    assert await pool.classes(["a", "b"]) == [0, 1]
    pool.close()


async def test_cancelling_kills_the_process_at_once(tmp_path: Path, note: Path) -> None:
    body = f"import os, time\nsys.stdin.readline()\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    pool = MathPool(workers=1, hang_seconds=60, command=script(tmp_path, body))
    task = asyncio.ensure_future(pool.classes(["a", "b"]))
    pid = await noted(note)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pool.close()
    assert not alive(pid)
    assert time.monotonic() - begun < 5


async def test_the_event_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    pool = MathPool(workers=1, hang_seconds=0.2, command=script(tmp_path, "import time\ntime.sleep(1000)"))
    task = asyncio.ensure_future(pool.classes(["a", "b"]))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 10
    pool.close()


async def test_a_closed_pool_leaves_no_process_and_starts_again(tmp_path: Path, note: Path) -> None:
    body = (
        f"import os\nopen({str(note)!r}, 'w').write(str(os.getpid()))\n"
        "for line in sys.stdin:\n    print(json.dumps({'classes': [0 for k in json.loads(line)['keys']]}), flush=True)"
    )
    pool = MathPool(workers=1, command=script(tmp_path, body))
    for _ in range(2):
        found, pid = await asyncio.gather(pool.classes(["a", "b"]), noted(note))
        assert found == [0, 0]
        assert alive(pid)
        assert await pool.classes(["a", "b"]) == [0, 0]  # by the same process: nobody else writes the note
        pool.close()
        assert not alive(pid)
    pool.close()


async def test_the_process_has_nothing_of_the_users_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    note = tmp_path / "env"
    body = f"import os\nopen({str(note)!r}, 'w').write(' '.join(os.environ))\nsys.exit(0)"
    pool = MathPool(workers=1, command=script(tmp_path, body))
    await pool.classes(["a", "b"])
    pool.close()
    assert "SOME_API_KEY" not in note.read_text().split()


def test_one_pool_serves_one_event_loop_after_another() -> None:
    async def equal() -> bool:
        return await answers.same(ASKED, r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}")

    try:
        assert asyncio.run(equal())
        assert asyncio.run(equal())
    finally:
        asyncio.run(answers.aclose())


async def test_classes_of_expressions_in_the_order_given(closed_after: None) -> None:
    keys = ["1+x", "3", "x+1", "3", "y", r"\frac{6}{2}z", "3z"]
    assert await answers.classes(ASKED, keys) == [0, 1, 0, 1, 2, 3, 3]


async def test_the_reference_comes_first(closed_after: None) -> None:
    assert await answers.same(ASKED, "5", "x=5")
    assert not await answers.same(ASKED, "(1,2)", "[1,2]")
