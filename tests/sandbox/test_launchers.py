from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import SandboxUnavailable, UnknownName
from orchestrator.sandbox import launchers
from orchestrator.sandbox._cell.layers import rated
from orchestrator.sandbox.launchers import Bubblewrap, Container, Launcher, Local, Seatbelt, launcher

LOOK = """
import json, os, socket, sys
said = sys.stdin.readline().strip()
def outcome(attempt):
    try:
        attempt()
    except OSError:
        return "refused"
    return "done"
print(json.dumps({
    "said": said,
    "given": sys.argv[1:],
    "environment": dict(os.environ),
    "user": os.getuid(),
    "modules": "site" in sys.modules,
    "secret": outcome(lambda: open(os.environ["SECRET"])),
    "beside": outcome(lambda: open(__file__)),
    "scratch": outcome(lambda: open(os.environ["SCRATCH"] + "/x", "w").write("x")),
    "script": outcome(lambda: open(__file__, "a")),
    "network": outcome(lambda: socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))),
    "processes": sum(name.isdecimal() for name in os.listdir("/proc")) if os.path.isdir("/proc") else 0,
    "library": bool(__import__("sqlite3")),
}))
"""


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A script, an empty folder, and a file that nobody named."""
    for name in ("cell", "scratch", "other"):
        (tmp_path / name).mkdir()
    script, secret = tmp_path / "cell" / "main.py", tmp_path / "other" / "secret"
    script.write_text(LOOK)
    secret.write_text("secret")
    return script, tmp_path / "scratch", secret


def looked(used: Launcher, places: tuple[Path, Path, Path]) -> dict[str, Any]:
    """What a script that it starts finds."""
    script, scratch, secret = places
    with socket.create_server(("127.0.0.1", 0)) as server:
        inside = {"SECRET": str(secret), "SCRATCH": str(scratch), "PORT": str(server.getsockname()[1])}
        done = subprocess.run(
            [*used.command(sys.executable, str(script), str(scratch), (), inside), "one", "two words"],
            input="hello\n",
            env=used.environment(inside),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.pop("environment").items() >= inside.items()
    return found


def test_locally_a_bare_python_is_started(places: tuple[Path, Path, Path]) -> None:
    found = looked(Local(), places)
    assert (found["said"], found["given"]) == ("hello", ["one", "two words"])
    assert found["modules"] is False
    assert found["library"] is True
    assert Local().given == {}


def test_bubblewrap_shows_the_script_the_library_and_scratch_alone(places: tuple[Path, Path, Path]) -> None:
    reason = Bubblewrap().available()
    if reason:
        pytest.skip(reason)
    found = looked(Bubblewrap(), places)
    assert found == {
        "said": "hello",
        "given": ["one", "two words"],
        "user": 65534,
        "modules": False,
        "secret": "refused",
        "beside": "done",
        "scratch": "done",
        "script": "refused",
        "network": "refused",
        "processes": 2,
        "library": True,
    }
    assert list(places[1].iterdir()) == []


def test_bubblewrap_shows_what_is_named_besides(places: tuple[Path, Path, Path]) -> None:
    script, scratch, secret = places
    command = Bubblewrap().command(sys.executable, str(script), str(scratch), [str(secret)], {})
    shown = [pair for flag, *pair in zip(command, command[1:], command[2:], strict=False) if flag == "--ro-bind-try"]
    assert [str(secret), str(secret)] in shown
    assert [str(script.parent), str(script.parent)] in shown


def test_bubblewrap_gives_nothing_of_the_environment_but_what_is_meant(places: tuple[Path, Path, Path]) -> None:
    reason = Bubblewrap().available()
    if reason:
        pytest.skip(reason)
    script, scratch, _ = places
    script.write_text("import json, os\nprint(json.dumps(dict(os.environ)))")
    used = Bubblewrap()
    found = subprocess.run(
        used.command(sys.executable, str(script), str(scratch), (), {"A": "1"}),
        env=used.environment({"A": "1"}),
        capture_output=True,
        check=True,
    )
    assert {**json.loads(found.stdout), "LC_CTYPE": "", "PWD": ""} == {"A": "1", "LC_CTYPE": "", "PWD": ""}


def test_a_container_has_no_network_no_rights_and_limits() -> None:
    used = Container("podman", image="python:3.13", memory_mb=512, processes=99, scratch_mb=7)
    command = used.command("/here/python", "/here/_cell/__main__.py", "/tmp/scratch", ["/here/numpy"], {"A": "1"})
    text = shlex.join(command)
    assert command[:5] == ["podman", "run", "--interactive", "--rm", "--pull"]
    for part in (
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--user 65534:65534",
        "--pids-limit 99",
        "--memory 512m --memory-swap 512m",
        "--mount type=bind,source=/here/_cell,target=/here/_cell,readonly",
        "--tmpfs /tmp/scratch:rw,noexec,nosuid,nodev,size=7m,nr_inodes=4096,mode=1777",
        "--env A=1",
    ):
        assert part in text
    assert command[-9:] == ["python3", "python:3.13", *launchers.FLAGS, "/here/_cell/__main__.py"]
    assert "/here/numpy" not in text
    assert used.name == "podman"
    assert not used.shares_files


def fake(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, first on the path; the file it notes its arguments in."""
    notes = folder / "notes"
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(notes))}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return notes


ANSWERS = [
    pytest.param("exit 0", None, id="works"),
    pytest.param(
        'echo "warning" >&2; echo "Cannot connect to the daemon." >&2; exit 1',
        "docker does not answer: Cannot connect to the daemon.",
        id="no-daemon",
    ),
    pytest.param("exit 3", "docker does not answer: it ends with status 3", id="silent"),
    pytest.param(
        '[ "$1" = version ]',
        "docker has no image python:3.12-slim; fetch it with `docker pull python:3.12-slim`",
        id="no-image",
    ),
]


@pytest.mark.parametrize(("script", "reason"), ANSWERS)
def test_an_engine_is_asked_whether_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str | None
) -> None:
    notes = fake(tmp_path, "docker", script, monkeypatch)
    assert Container().available() == reason
    assert notes.read_text().splitlines()[0] == "version"


def test_an_engine_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "docker", "exec cat < /dev/zero > /dev/null", monkeypatch)
    monkeypatch.setattr(launchers, "_TRIAL_SECONDS", 0.2)
    assert Container().available() == "docker does not answer: no answer in 0.2 s"


def test_a_container_is_started_with_the_environment_of_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://elsewhere")
    assert Container().environment({"A": "1"})["DOCKER_HOST"] == "ssh://elsewhere"
    assert "A" not in Container().environment({"A": "1"})


@pytest.mark.parametrize(
    ("used", "reason"),
    [
        pytest.param(Bubblewrap(), "there is no bwrap; install the package bubblewrap", id="bubblewrap"),
        pytest.param(Container("docker"), "there is no docker; install it, or use another launcher", id="docker"),
        pytest.param(Container("podman"), "there is no podman; install it, or use another launcher", id="podman"),
    ],
)
def test_what_is_not_installed_is_named(
    used: Launcher, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert used.available() == reason
    with pytest.raises(SandboxUnavailable) as raised:
        launcher(used.name)
    assert str(raised.value) == f"programs cannot be run with launcher '{used.name}': {reason}"


def test_bubblewrap_that_is_refused_namespaces_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "bwrap: setting up uid map: Permission denied"
    fake(tmp_path, "bwrap", f"echo '{said}' >&2; exit 1", monkeypatch)
    assert Bubblewrap().available() == f"bwrap has no effect here: {said}"


def test_seatbelt_closes_network_files_and_programs(tmp_path: Path) -> None:
    odd = tmp_path / 'with "quotes" and \\'
    command = Seatbelt().command(sys.executable, str(tmp_path / "cell" / "main.py"), str(odd), ["/data/x"], {})
    assert command[:2] == ["/usr/bin/sandbox-exec", "-p"]
    assert command[3:] == [sys.executable, *launchers.FLAGS, str(tmp_path / "cell" / "main.py")]
    rules = command[2].splitlines()
    quoted = str(odd).replace("\\", "\\\\").replace('"', '\\"')
    assert f'(allow file-write* (subpath "{quoted}") (literal "/dev/null"))' in rules
    assert rules.index("(deny network*)") > rules.index("(allow default)")
    assert rules.index("(deny process-exec*)") < next(
        i for i, r in enumerate(rules) if r.startswith("(allow process-ex")
    )
    assert '(subpath "/data/x")' in rules[-1]
    assert command[2].count("(") - quoted.count("(") == command[2].count(")") - quoted.count(")")


@pytest.mark.skipif(sys.platform != "darwin", reason="only macOS has sandbox-exec")
def test_seatbelt_holds(places: tuple[Path, Path, Path]) -> None:
    reason = Seatbelt().available()
    if reason:
        pytest.skip(reason)
    found = looked(Seatbelt(), places)
    wanted = {"said": "hello", "secret": "refused", "scratch": "done", "script": "refused", "network": "refused"}
    assert found.items() >= wanted.items()


def test_on_windows_programs_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    for name in ("auto", "local"):
        with pytest.raises(SandboxUnavailable, match="use WSL 2, or a container"):
            launcher(name)


@pytest.mark.parametrize(
    ("platform", "works", "chosen"),
    [("linux", True, Local()), ("darwin", False, Local()), ("darwin", True, Seatbelt())],
)
def test_automatically_the_lightest_is_chosen(
    monkeypatch: pytest.MonkeyPatch, platform: str, works: bool, chosen: Launcher
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Seatbelt, "available", lambda self: None if works else "it has no effect")
    assert launcher() == chosen


def test_an_unknown_launcher_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'bubblewrap'"):
        launcher("bublewrap")


@pytest.mark.parametrize(
    ("used", "level", "open_"),
    [
        pytest.param(Bubblewrap(), 4, ["threads"], id="bubblewrap"),
        pytest.param(Container(), 4, [], id="docker"),
        pytest.param(Seatbelt(), 3, ["threads", "scratch_size"], id="seatbelt"),
        pytest.param(Local(), 2, ["files_outside", "threads", "scratch_size"], id="local"),
    ],
)
def test_what_a_launcher_gives_counts_for_the_level(used: Launcher, level: int, open_: list[str]) -> None:
    assert rated({"rlimits": True, "seccomp": True, **used.given}) == (level, open_)
