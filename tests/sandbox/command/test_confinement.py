"""Commands of the user's on copies: what they may do, what they may not, and where none is started."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError, SandboxUnavailable
from orchestrator.sandbox import command as module
from orchestrator.sandbox.command import Command, run_command
from tests.sandbox.cell import LINUX
from tests.sandbox.command.runner import Runner

pytestmark = pytest.mark.skipif(not LINUX, reason="commands are confined on Linux only")


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
