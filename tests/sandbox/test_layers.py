from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox._cell.layers import NAMES, rated
from tests.sandbox.cell import LINUX, User, lacking, run, said

START = """
import socket, tempfile, threading
scratch = tempfile.mkdtemp()
settings = {"scratch": scratch, "without": json.loads(sys.argv[1]), "given": {}}
host = os.getpid()
def confined(look):
    from _cell.layers import Confinement
    confinement = Confinement(settings)
    reading, writing = os.pipe()
    confinement.of_all()
    if os.fork() == 0:
        confine = confinement.of_zygote()
        if os.fork() == 0:
            confine()
            os.write(writing, json.dumps(look()).encode())
            os._exit(0)
        os.wait()
        os._exit(0)
    os.close(writing)
    confinement.of_judge()
    os.wait()
    return confinement.report(), json.loads(os.read(reading, 65536) or "null")
def shown(look):
    # The folder is out of reach for whoever is confined.
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(confined(look)).encode())
        os._exit(0)
    os.close(writing)
    text = b""
    while chunk := os.read(reading, 65536):
        text += chunk
    os.wait()
    import shutil
    shutil.rmtree(scratch)
    print(text.decode() or "null")
"""
LOOK = """
def fill():
    with open(scratch + "/large", "wb", buffering=0) as file:
        for _ in range(80):
            file.write(bytes(1 << 20))
def crowd():
    threading.stack_size(1 << 16)
    gate = threading.Event()
    try:
        for _ in range(700):
            threading.Thread(target=gate.wait, daemon=True).start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, "no more threads")
    finally:
        gate.set()
def fork():
    if os.fork() == 0:
        os._exit(0)
shown(lambda: {
    "files_outside": refused(lambda: open(sys.argv[2]).read()),
    "network": refused(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), timeout=10)),
    "signals": refused(lambda: os.kill(host, 0)),
    "scratch_size": refused(fill),
    "tree_memory": refused(fork),
    "threads": refused(crowd),
})
"""


def looked(user: User, without: tuple[str, ...], secret: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What a sandbox without some layers says of itself, and what a candidate in it can do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        report, found = json.loads(said(START + LOOK, json.dumps(without), str(secret), port, user=user))
    return report, found


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that everybody may read."""
    return Path("/etc/passwd")


LEVELS = [
    pytest.param((), 4, id="all"),
    pytest.param(("landlock",), 4, id="without-landlock"),
    pytest.param(("mounts",), 3, id="without-mounts"),
    pytest.param(("namespaces",), 3, id="without-namespaces"),
    pytest.param(("seccomp",), 2, id="without-seccomp"),
    pytest.param(("namespaces", "landlock"), 2, id="seccomp-alone"),
    pytest.param(("namespaces", "seccomp"), 2, id="landlock-alone"),
    pytest.param(("landlock", "seccomp"), 2, id="namespaces-alone"),
    pytest.param(NAMES, 1, id="limits-alone"),
]


@pytest.mark.parametrize(("without", "level"), LEVELS)
def test_what_the_report_says_is_enforced_is(user: User, without: tuple[str, ...], level: int, secret: Path) -> None:
    for layer in ("namespaces", "landlock", "seccomp"):
        if layer not in without and lacking(layer):
            pytest.skip(f"no {layer} here: {lacking(layer)}")
    report, found = looked(user, without, secret)
    assert report["level"] == level
    open_, held = set(report["not_enforced"]), {name for name, outcome in found.items() if outcome != "done"}
    assert set(found) - held <= open_, (open_, found)
    if level == 4:
        assert open_ == set()


def test_without_any_layer_a_program_can_do_what_its_user_can(user: User, secret: Path) -> None:
    """Or the tests above would show nothing."""
    report, found = looked(user, NAMES, secret)
    assert set(found.values()) == {"done"}
    assert set(found) <= set(report["not_enforced"])


@pytest.mark.skipif(not LINUX, reason="only Linux has filters")
def test_where_namespaces_are_refused_the_other_layers_hold(user: User) -> None:
    """As in most containers."""
    report, found = under(user, "{libc.number(272, 97): [seccomp._result(seccomp.EPERM)]}")
    assert report["level"] == 3
    assert not report["mechanisms"]["pidns"]
    assert "Operation not permitted" in report["reasons"]["namespaces"]
    assert found == ["EACCES", "EPERM"]


@pytest.mark.skipif(not LINUX, reason="only Linux has filters")
def test_where_mounts_are_refused_the_other_namespaces_hold(user: User) -> None:
    """As for users of systems that give them namespaces without rights in them."""
    if lacking("namespaces"):
        pytest.skip(f"no namespaces here: {lacking('namespaces')}")
    report, found = under(user, "{libc.number(165, 40): [seccomp._result(seccomp.EPERM)]}")
    assert report["level"] == 3
    assert (report["mechanisms"]["pidns"], report["mechanisms"]["mountns"]) == (True, False)
    assert found == ["EACCES", "EPERM"]


@pytest.mark.skipif(not LINUX, reason="only Linux has filters")
def test_a_layer_whose_trial_is_killed_is_left_out(user: User) -> None:
    report, _ = under(user, "{libc.number(272, 97): [seccomp._result(seccomp.KILL)]}")
    assert report["level"] == 3
    assert f"status {-signal.SIGSYS}" in report["reasons"]["namespaces"]


@pytest.mark.skipif(not LINUX, reason="only Linux has filters")
def test_without_landlock_mounts_close_the_files(user: User) -> None:
    if lacking("namespaces"):
        pytest.skip(f"no namespaces here: {lacking('namespaces')}")
    report, found = under(user, "{444: [seccomp._result(seccomp.ENOSYS)]}")
    assert (report["level"], report["mechanisms"]["landlock_abi"]) == (4, 0)
    assert "not implemented" in report["reasons"]["landlock"]
    assert found == ["ENOENT", "EPERM"]


@pytest.mark.skipif(not LINUX, reason="only Linux has filters")
def test_without_filters_the_other_layers_hold(user: User) -> None:
    report, found = under(user, "{libc.number(317, 277): [seccomp._result(seccomp.ENOSYS)]}")
    assert report["level"] == 2
    assert "not implemented" in report["reasons"]["seccomp"]
    assert "tree_memory" in report["not_enforced"]
    assert found[1] == "done"


def under(user: User, rules: str) -> tuple[dict[str, Any], list[str]]:
    """As a sandbox on a machine where these calls fail; whether files can be read and processes started in it."""
    source = f"""
from _cell import libc, seccomp
seccomp.install(seccomp._assemble([seccomp._NUMBER, *seccomp._tree({rules})]))
def fork():
    if os.fork() == 0:
        os._exit(0)
shown(lambda: [refused(lambda: open("/etc/passwd")), refused(fork)])
"""
    if not LINUX or lacking("seccomp"):
        pytest.skip("no filters to try it with")
    report, found = json.loads(said(START + source, "[]", user=user))
    return report, found


def test_without_ctypes_there_are_limits(user: User) -> None:
    report, found = json.loads(
        said(START + "sys.modules['ctypes'] = None\nshown(lambda: os.getpid() > 1)", "[]", user=user)
    )
    assert (report["level"], found) == (1, True)
    assert set(report["reasons"]) == {"namespaces", "landlock", "seccomp"}


def test_on_other_systems_there_are_limits() -> None:
    report, found = json.loads(said(START + "sys.platform = 'darwin'\nshown(lambda: os.getpid() > 1)", "[]"))
    assert (report["level"], found) == (1, True)
    assert "darwin" in report["reasons"]["namespaces"]
    assert {"files_outside", "network"} <= set(report["not_enforced"])


def test_files_in_scratch_may_be_copied_with_modes_and_times(user: User) -> None:
    for layer in ("namespaces", "seccomp"):
        if lacking(layer):
            pytest.skip(f"no {layer} here: {lacking(layer)}")
    source = """
import shutil
def copy():
    with open(scratch + "/a", "w") as file:
        file.write("x")
    shutil.copy(scratch + "/a", scratch + "/b")
    shutil.copy2(scratch + "/a", scratch + "/c")
    os.chmod(scratch + "/c", 0o600)
    os.truncate(scratch + "/c", 0)
def others():
    os.chmod(os.__file__, 0o600)
shown(lambda: [refused(copy), refused(others), refused(lambda: os.chmod("/dev/null", 0o600))])
"""
    _, found = json.loads(said(START + source, "[]", user=user))
    assert found[0] == "done"
    assert found[1] in ("EROFS", "EPERM")
    assert found[2] in ("EROFS", "EPERM")


@pytest.mark.parametrize("victim", ["zygote", "worker"])
@pytest.mark.parametrize("without", [(), ("namespaces",)], ids=["namespaces", "no-namespaces"])
def test_a_killed_process_takes_those_it_has_forked_along(user: User, without: tuple[str, ...], victim: str) -> None:
    if "namespaces" not in without and lacking("namespaces"):
        pytest.skip(f"no namespaces here: {lacking('namespaces')}")
    source = """
import select
from _cell.layers import Confinement
alive, candidate = os.pipe()
told, tell = os.pipe()
worker = os.fork()
if worker == 0:
    os.close(alive); os.close(told)
    confinement = Confinement(settings)
    confinement.of_all()
    zygote = os.fork()
    if zygote == 0:
        os.close(tell) if sys.argv[2] == "zygote" else None
        confine = confinement.of_zygote()
        if os.fork() == 0:
            confine()
            os.write(candidate, b"up")
            signal.pause()
        os.close(candidate)
        signal.pause()
    os.close(candidate)
    os.write(tell, str(zygote).encode())
    signal.pause()
os.close(candidate); os.close(tell)
zygote = int(os.read(told, 20))
assert os.read(alive, 2) == b"up"
os.kill(zygote if sys.argv[2] == "zygote" else worker, signal.SIGKILL)
gone = select.select([alive], [], [], 30)[0] and os.read(alive, 1) == b""
if sys.argv[2] == "zygote":
    os.kill(worker, signal.SIGKILL)
os.waitpid(worker, 0)
os.rmdir(scratch)
print(gone)
"""
    if lacking("seccomp"):
        pytest.skip(f"no seccomp here: {lacking('seccomp')}")
    assert said(START + source, json.dumps(without), victim, user=user) == "True"


def test_what_is_around_the_worker_counts(user: User) -> None:
    around = {"pidns": True, "netns": True, "mountns": True, "memory_limit": 100, "launcher": "box"}
    source = f"settings['given'] = {around!r}\nshown(lambda: 1)"
    report, _ = json.loads(said(START + source, '["namespaces"]', user=user))
    assert report["mechanisms"].items() >= around.items()
    assert report["level"] == (2 if lacking("seccomp") else 4)


@pytest.mark.parametrize(
    ("mechanisms", "level", "open_"),
    [
        pytest.param({}, 0, "files_outside network signals processes tree_memory threads scratch_size", id="nothing"),
        pytest.param(
            {"rlimits": True},
            1,
            "files_outside network signals processes tree_memory threads scratch_size",
            id="limits",
        ),
        pytest.param(
            {"rlimits": True, "seatbelt": True}, 2, "signals processes tree_memory threads scratch_size", id="seatbelt"
        ),
        pytest.param(
            {"landlock_abi": 5}, 2, "network signals processes tree_memory threads scratch_size", id="old-landlock"
        ),
        pytest.param({"landlock_abi": 6}, 2, "network processes tree_memory threads scratch_size", id="landlock"),
        pytest.param({"seccomp": True}, 2, "files_outside threads scratch_size", id="seccomp"),
        pytest.param({"seccomp": True, "landlock_abi": 1}, 3, "threads scratch_size", id="both"),
        pytest.param(
            {"seccomp": True, "landlock_abi": 1, "pidns": True, "netns": True, "mountns": True, "pids_limit": 9},
            4,
            "",
            id="all",
        ),
    ],
)
def test_the_level_follows_from_the_mechanisms(mechanisms: dict[str, bool | int | str], level: int, open_: str) -> None:
    assert rated(mechanisms) == (level, open_.split())


def test_an_attempt_may_fail_in_any_way() -> None:
    source = """
from _cell.trials import tried
print(json.dumps([
    tried(lambda: 7),
    tried(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    tried(lambda: os._exit(3)),
    tried(lambda: open("/no/such")),
    tried(lambda: {}["x"]),
]))
"""
    assert json.loads(said(source)) == [
        [7, ""],
        [None, "the trial ended with status -9"],
        [None, "the trial ended with status 3"],
        [None, "FileNotFoundError: [Errno 2] No such file or directory: '/no/such'"],
        [None, "KeyError: 'x'"],
    ]


def test_settings_need_an_empty_folder_alone() -> None:
    assert run("from _cell.layers import Confinement\nConfinement({})").returncode != 0
