from __future__ import annotations

import asyncio
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.errors import SandboxUnavailable
from orchestrator.sandbox import Execution, PlainRunner, aclose, plain, run_tests

GOOD = "def f(x):\n    return x + 1\n"
TESTS = "assert f(1) == 2\nassert f(2) == 3\n"


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    asyncio.run(aclose())
    with suppress(ChildProcessError):  # there may be children of others, but no dead one that nobody waited for
        assert os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A pipe: reading it waits for the program that writes to it."""
    path = tmp_path / "note"
    os.mkfifo(path)
    return path


def ends(pid: int) -> bool:
    """Whether the process is dead, or dies within seconds."""
    if not hasattr(os, "pidfd_open"):
        pytest.skip("this system cannot wait for a process that is not its own")
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(watched):
        return bool(select.select([watched], [], [], 10)[0])


@pytest.mark.parametrize(
    ("program", "verdict", "says"),
    [
        (GOOD, "passed", ""),
        ("def f(x): return x", "failed", "AssertionError (tests line 1)"),
        ("def f(x): return y", "error", "NameError"),
        ("def f(x): assert False, 'no'", "error", "AssertionError: no (program line 1)"),
        ("def f(x", "error", "SyntaxError"),
        ("", "error", "NameError: name 'f' is not defined (tests line 1)"),
        (f"{GOOD}import sys; sys.exit(0)", "error", "ended itself with status 0"),
        (f"{GOOD}import os; os._exit(0)", "error", "ended itself with status 0"),
        (f"{GOOD}raise KeyboardInterrupt", "error", "KeyboardInterrupt"),
        (f"{GOOD}x = [0] * 10**11", "memory", "out of memory"),
        (f"{GOOD}while True: print('x' * 10000)", "output", "8 MiB"),
        (f"{GOOD}open('big', 'wb').write(bytes(10**8))", "output", "File too large"),
        (f"{GOOD}import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV"),
        (f"{GOOD}import os; os.kill(os.getpid(), 9)", "crashed", "SIGKILL"),
        (f"{GOOD}input()", "error", "EOFError"),
        ("def f(x): return f(x)", "error", "RecursionError"),
        (f"{GOOD}s = '\ud800'", "error", "UnicodeEncodeError"),
        (f"{GOOD}\x00", "error", "null bytes"),
    ],
)
async def test_verdicts(program: str, verdict: str, says: str) -> None:
    done = await run_tests(program, TESTS, timeout=20)
    assert done.verdict == verdict, done
    assert says in done.detail
    assert "\n" not in done.detail
    assert done.seconds < 20


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(1000)"])
async def test_a_program_without_end_is_stopped(body: str) -> None:
    started = time.monotonic()
    done = await run_tests(GOOD + body, TESTS, timeout=0.3)
    assert done.verdict == "timeout"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "body",
    [
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n",
        "import sys\nprint('noise')\nprint('more', file=sys.stderr)\n",
        "if __name__ == '__main__':\n    raise SystemExit\n",
        "open('scratch', 'w').write('x')\n",
        "import asyncio\nasyncio.run(asyncio.sleep(0))\n",
        "s = 'é \\ud800 \U0001f600'\n",
    ],
)
async def test_honest_programs_pass(body: str) -> None:
    done = await run_tests(body + GOOD, TESTS, timeout=20)
    assert done.verdict == "passed", done


async def test_a_program_sees_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    body = "import os\nassert 'SOME_API_KEY' not in os.environ\nassert not os.listdir()\n"
    assert (await run_tests(body + GOOD, TESTS)).verdict == "passed"


async def test_a_forged_report_is_no_pass() -> None:
    report = b'{"marker": "x", "verdict": "passed", "detail": ""}'
    forge = f"""
import os
for fd in range(3, 20):
    try:
        os.write(fd, {report!r})
    except OSError:
        pass
os._exit(0)
"""
    assert (await run_tests(forge, TESTS)).verdict == "error"


async def test_children_of_a_program_end_with_it(note: Path) -> None:
    body = f"""
import os, time
child = os.fork()
if not child:
    time.sleep(1000)
open({str(note)!r}, "w").write(str(child))
"""
    done, pid = await asyncio.gather(run_tests(body + GOOD, TESTS, timeout=30), asyncio.to_thread(note.read_text))
    assert done.verdict == "passed"
    assert ends(int(pid))


async def test_cancelling_kills_the_program(note: Path) -> None:
    body = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)\n"
    task = asyncio.ensure_future(run_tests(body, TESTS, timeout=100))
    pid = int(await asyncio.to_thread(note.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await aclose()
    assert ends(pid)


async def test_what_waits_behind_a_cancelled_program_never_starts(tmp_path: Path, note: Path) -> None:
    mark = tmp_path / "started"
    runner = PlainRunner(workers=1)
    first = asyncio.ensure_future(
        runner.run(f"open({str(note)!r}, 'w').write('.')\nwhile True: pass", "", timeout=60, memory_mb=512)
    )
    second = asyncio.ensure_future(runner.run(f"open({str(mark)!r}, 'w')", "", timeout=60, memory_mb=512))
    await asyncio.to_thread(note.read_text)
    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    await runner.aclose()
    assert "started" not in os.listdir(tmp_path)


async def test_no_more_programs_at_once_than_workers(tmp_path: Path) -> None:
    body = f"""
import os, time
mine = {str(tmp_path)!r} + "/" + str(os.getpid())
open(mine, "w").close()
at_once = len(os.listdir({str(tmp_path)!r}))
time.sleep(0.05)
os.remove(mine)
assert at_once <= 2, at_once
"""
    runner = PlainRunner(workers=2)
    done = await asyncio.gather(*(runner.run(body, "", timeout=30, memory_mb=512) for _ in range(6)))
    await runner.aclose()
    assert [one.verdict for one in done] == ["passed"] * 6


async def test_the_event_loop_goes_on_meanwhile() -> None:
    task = asyncio.ensure_future(run_tests("while True: pass", "", timeout=0.3))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 5


def test_one_runner_serves_one_event_loop_after_another() -> None:
    assert asyncio.run(run_tests(GOOD, TESTS)).verdict == "passed"
    assert asyncio.run(run_tests(GOOD, TESTS)).verdict == "passed"


async def test_limits_above_the_systems_own_are_no_error() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
    try:
        assert (await run_tests(GOOD, TESTS, memory_mb=10**9)).verdict == "passed"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_no_process_to_be_had_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/does/not/exist")
    with pytest.raises(SandboxUnavailable, match="cannot start /does/not/exist"):
        await run_tests(GOOD, TESTS)


async def test_no_temporary_folder_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await run_tests("open('x', 'w').write('y')", TESTS)
    assert os.listdir(tmp_path) == []


def test_an_execution_is_a_plain_value() -> None:
    assert Execution("passed", "", 0.1) == Execution("passed", "", 0.1)


async def test_a_verdict_written_between_two_looks_at_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(process: subprocess.Popen[bytes]) -> bool:
        # As slow as a busy machine can make it: whatever was not read before this look was written during it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return True

    monkeypatch.setattr(plain, "_ended", dead)
    slow = f"import time\ntime.sleep(4 * {plain._TICK})\n{GOOD}"
    assert (await PlainRunner().run(slow, TESTS, timeout=30.0, memory_mb=512)).verdict == "passed"
