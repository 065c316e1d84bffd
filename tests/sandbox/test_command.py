"""Commands of the user's on copies: what they may do, what they may not, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ConfigError, SandboxUnavailable
from orchestrator.sandbox import command as module
from orchestrator.sandbox import command_job
from orchestrator.sandbox.command import REPORT, Command, CommandLimits, CommandRun, remove, run_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are confined on Linux only")

Runner = Callable[..., Awaitable[CommandRun]]
Note = Callable[[], Awaitable[None]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder `folder`, its copy `copy`, and `secret` beside them."""
    for name in ("folder", "copy"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret").write_text("hidden")
    return tmp_path


@pytest.fixture(params=["inside", "beside"])
def run(request: pytest.FixtureRequest, place: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs a command; `beside` as where this machine would have no namespaces."""
    if request.param == "beside":
        # A folder that is not there to build the view in: the first process fails and the second way is taken.
        monkeypatch.setattr(command_job, "_ROOT", "none")

    async def run(*argv: str, limits: CommandLimits | None = None, **more: Any) -> CommandRun:
        command = Command(argv, place / "copy", place / "folder", **more)
        done = await run_command(command, limits or CommandLimits(seconds=60))
        if request.param == "inside" and "mountns" not in done.isolation.mechanisms:
            pytest.skip(f"no namespaces here: {done.isolation.reasons}")
        return done

    return run


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    with suppress(ChildProcessError):  # there may be children of others, but no dead one that nobody waited for
        assert os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


async def test_a_command_works_on_the_copy(run: Runner, place: Path) -> None:
    (place / "copy" / "in").write_text("1")
    done = await run("sh", "-c", "cat in; echo 2 >&2; echo 3 >out; mkdir d; mv out d/; exit 3")
    assert (done.ended, done.status, done.output) == ("exited", 3, "12\n")
    assert (place / "copy" / "d" / "out").read_text() == "3\n"
    assert not list((place / "folder").iterdir())
    assert done.isolation.level >= 3
    assert done.cpu_seconds > 0


async def test_where_there_are_namespaces_the_copy_lies_at_the_folder_s_place(run: Runner, place: Path) -> None:
    done = await run("pwd")
    own = "mountns" in done.isolation.mechanisms
    assert done.output.strip() == str(place / ("folder" if own else "copy"))
    assert done.isolation.level == (4 if own else 3)
    assert own or "namespaces" in done.isolation.reasons


async def test_files_elsewhere_can_be_neither_read_nor_written(run: Runner, place: Path) -> None:
    secret = place / "secret"
    done = await run("sh", "-c", f"cat {secret} /etc/shadow; echo x >{secret}; rm -rf {secret} {place}; echo x >/usr/x")
    assert done.status != 0
    assert ("hidden" in done.output, "root:" in done.output) == (False, False)
    assert secret.read_text() == "hidden"
    assert (place / "folder").is_dir()


async def test_links_lead_nowhere_else(run: Runner, place: Path) -> None:
    (place / "copy" / "link").symlink_to(place / "secret")
    done = await run("sh", "-c", "cat link; ln -s ../secret more; cat more; echo x >link")
    assert "hidden" not in done.output
    assert (place / "secret").read_text() == "hidden"


async def test_what_is_readable_is_read_and_not_written(run: Runner, place: Path) -> None:
    for name in ("beside", "folder/within"):
        (place / name).mkdir()
        (place / name / "note").write_text("read me")
    readable = (place / "beside", place / "folder" / "within")
    done = await run("sh", "-c", f"cat within/note {place}/beside/note; echo x >within/note", readable=readable)
    assert done.output.startswith("read meread me")
    assert done.status != 0
    assert (place / "folder" / "within" / "note").read_text() == "read me"


async def test_what_is_copied_is_read_from_the_copy(run: Runner, place: Path) -> None:
    for name in ("copy", "folder"):
        (place / name / "bin").mkdir()
        (place / name / "bin" / "run").write_text(f"#!/bin/sh\necho {name}; cat bin/note")
        (place / name / "bin" / "run").chmod(0o755)
        (place / name / "bin" / "note").write_text(name)
    done = await run("bin/run", readable=(place / "folder" / "bin", place / "folder"))
    assert done.output == "copy\ncopy"


async def test_the_environment_is_empty_but_for_a_few(
    run: Runner, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-secret")
    monkeypatch.setenv("LC_TIME", "C")
    done = await run("env", environment={"GIVEN": "yes"})
    found = dict(line.split("=", 1) for line in done.output.splitlines())
    assert found.keys() <= {
        "PATH", "HOME", "TMPDIR", "TERM", "NO_COLOR", "PYTHONHASHSEED", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV",
        "CONDA_PREFIX", "JAVA_HOME", "PYENV_ROOT", "PYENV_VERSION", "LC_TIME", "LC_ALL", "LC_CTYPE", "GIVEN",
    }  # fmt: skip
    assert (found["GIVEN"], found["LC_TIME"]) == ("yes", "C")
    assert found["HOME"] != str(Path.home())


async def test_a_scratch_folder_is_there_and_goes(run: Runner) -> None:
    done = await run("sh", "-c", 'echo x >"$HOME/a" && mktemp && echo "$HOME"')
    assert done.status == 0
    assert not os.access(done.output.split()[-1], os.F_OK)


CONNECT = """
import socket, sys
with socket.socket() as server:
    server.bind(("127.0.0.1", int(sys.argv[1])))
    server.listen()
    with socket.create_connection(server.getsockname(), timeout=10) as client:
        print("reached")
"""


async def test_a_command_reaches_itself_only(run: Runner, place: Path) -> None:
    (place / "copy" / "c.py").write_text(CONNECT)
    done = await run("python", "c.py", "0")
    assert ("reached" in done.output) == ("netns" in done.isolation.mechanisms)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        text = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=10); print('reached')"
        assert "reached" not in (await run("python", "-c", text)).output
        assert "reached" in (await run("python", "-c", text, network=True)).output


@pytest.mark.parametrize(
    "call",
    [
        "ctypes.CDLL(None, use_errno=True).unshare(0x10000000)",
        "ctypes.CDLL(None, use_errno=True).ptrace(0, 0, 0, 0)",
        "ctypes.CDLL(None, use_errno=True).mount(b'none', b'/', b'tmpfs', 0, None)",
        "socket.socket(40, 1).fileno()",
    ],
    ids=["namespace", "ptrace", "mount", "vsock"],
)
async def test_doors_of_the_kernel_are_shut(run: Runner, call: str) -> None:
    done = await run("python", "-c", f"import ctypes, socket\nprint('open' if {call} >= 0 else 'shut')")
    assert "open" not in done.output
    assert done.ended == "exited"


async def test_a_command_without_namespaces_cannot_signal_others(run: Runner) -> None:
    done = await run("sh", "-c", f"kill -0 {os.getpid()} && echo reached")
    assert "reached" not in done.output


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


async def test_output_is_cut_in_the_middle_and_ended_where_it_is_too_much(run: Runner) -> None:
    done = await run("sh", "-c", "echo first; head -c 300000 /dev/zero | tr '\\0' x; echo last")
    assert done.output.startswith("first\n")
    assert done.output.endswith("last\n")
    assert "bytes left out" in done.output
    assert len(done.output) < 100_000
    assert (await run("yes", limits=CommandLimits(seconds=60, output_mb=2))).ended == "output"


async def test_what_is_written_to_the_report_comes_back_all_of_it(run: Runner) -> None:
    text = f"f={REPORT}; echo one >$f; head -c 200000 /dev/zero >$f; rm -f $f; echo two >$f; echo printed"
    done = await run("sh", "-c", text)
    assert done.report.startswith(b"one\n")
    assert done.report.endswith(b"two\n")
    assert len(done.report) == 200_008
    assert "printed" in done.output


READ_IT = f"""
import contextlib, os
for path in ("{REPORT}", "/proc/self/fd/" + str(os.open("{REPORT}", os.O_WRONLY))):
    with contextlib.suppress(OSError):
        os.chmod(path, 0o666)
    for flags in (os.O_RDONLY, os.O_RDWR):
        with contextlib.suppress(OSError):
            os.open(path, flags | os.O_NONBLOCK)
            print("open to be read")
with contextlib.suppress(OSError):
    os.unlink("{REPORT}")
with contextlib.suppress(OSError):
    os.rename("other", "{REPORT}")
"""


async def test_nothing_takes_back_what_is_written_to_the_report(run: Runner, place: Path) -> None:
    (place / "copy" / "other").write_text("forged")
    done = await run("sh", "-c", f'echo one >{REPORT}; python -c "$0"; echo two >{REPORT}', READ_IT)
    assert (done.report, done.output) == (b"one\ntwo\n", "")


async def test_a_report_without_end_ends_it(run: Runner) -> None:
    done = await run("sh", "-c", f"yes >{REPORT}", limits=CommandLimits(seconds=5, output_mb=2))
    assert done.ended == "output"


async def test_a_folder_full_of_traps_is_removed(run: Runner, place: Path) -> None:
    deep = "import os\nfor _ in range(1200):\n    os.mkdir('d'); os.chdir('d')\nos.chmod('.', 0)"
    done = await run("python", "-c", f"{deep}")
    assert done.status == 0, done.output
    await asyncio.to_thread(remove, place / "copy")
    assert not (place / "copy").exists()


async def test_an_unknown_program_is_an_error_of_the_user_s(run: Runner) -> None:
    with pytest.raises(ConfigError, match="no program 'pytset'"):
        await run("pytset", "-q")


async def test_a_level_that_is_not_reached_is_refused(place: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="of isolation can be had here, and 5 is wanted"):
        await run_command(Command(("touch", "started"), place / "copy", place / "folder"), min_level=5)
    assert not (place / "copy" / "started").exists()


async def test_other_systems_are_told_what_to_use(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "win32")
    with pytest.raises(SandboxUnavailable, match="WSL 2"):
        await run_command(Command(("true",), place / "copy", place / "folder"))
