from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.cell import lacking, said

START = """
import socket
from _cell import landlock
readable, writable, outside = sys.argv[1:4]
"""


@pytest.fixture(autouse=True)
def landlock_is_here() -> None:
    reason = lacking("landlock")
    if reason:
        pytest.skip(f"no Landlock here: {reason}")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str, str]:
    """One to read, one to write and one that is named nowhere, a file `x` in each."""
    for name in ("readable", "writable", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
    return str(tmp_path / "readable"), str(tmp_path / "writable"), str(tmp_path / "outside")


RESTRICT = "abi = landlock.restrict([readable], [writable])\n"


@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        pytest.param("open(readable + '/x').read()", "done", id="read"),
        pytest.param("os.listdir(readable)", "done", id="list"),
        pytest.param("open(readable + '/x', 'w')", "EACCES", id="write-what-is-to-read"),
        pytest.param("open(readable + '/new', 'w')", "EACCES", id="make-a-file-beside"),
        pytest.param("os.unlink(readable + '/x')", "EACCES", id="remove-what-is-to-read"),
        pytest.param("open(writable + '/x', 'w').write('y')", "done", id="write"),
        pytest.param("os.mkdir(writable + '/new')", "done", id="make-a-folder"),
        pytest.param("os.symlink('x', writable + '/link')", "done", id="make-a-link"),
        pytest.param("os.truncate(writable + '/x', 0)", "done", id="cut"),
        pytest.param("os.remove(writable + '/x')", "done", id="remove"),
        pytest.param("open(outside + '/x').read()", "EACCES", id="read-outside"),
        pytest.param("os.listdir(outside)", "EACCES", id="list-outside"),
        pytest.param("open(writable + '/../outside/x')", "EACCES", id="read-outside-by-detour"),
        pytest.param("(os.symlink(outside + '/x', writable + '/l'), open(writable + '/l'))", "EACCES", id="by-link"),
        pytest.param("os.link(readable + '/x', writable + '/y')", "EXDEV", id="link-away"),
        pytest.param("os.rename(writable + '/x', outside + '/y')", "EACCES EXDEV", id="move-outside"),
        pytest.param("open('/proc/self/environ')", "EACCES", id="read-its-environment"),
        pytest.param("open('/etc/passwd')", "EACCES", id="read-the-users"),
        pytest.param("socket.socket(socket.AF_UNIX).bind(writable + '/s')", "EACCES", id="make-a-socket"),
        pytest.param("os.execv(sys.executable, ['python', '-c', ''])", "EACCES", id="start-something"),
    ],
)
def test_only_what_is_named_is_there(folders: tuple[str, str, str], attempt: str, outcome: str) -> None:
    """Where versions of the kernel differ in the error, both are named."""
    assert said(f"{START}{RESTRICT}print(refused(lambda: {attempt}))", *folders) in outcome.split()


def test_a_file_may_be_named_as_well_as_a_folder(folders: tuple[str, str, str]) -> None:
    source = """
landlock.restrict([readable + "/x"], ["/dev/null"])
print(open(readable + "/x").read(), refused(lambda: os.listdir(readable)), open("/dev/null", "w").write("gone"))
"""
    assert said(START + source, *folders) == "readable EACCES 4"


def test_paths_that_are_not_there_are_passed_over(folders: tuple[str, str, str]) -> None:
    source = "landlock.restrict([readable, '/no/such/path', readable + '/x/y'], [])\nprint(os.listdir(readable))"
    assert said(START + source, *folders) == "['x']"


def test_open_files_stay_open(folders: tuple[str, str, str]) -> None:
    source = f"file = open(outside + '/x')\n{RESTRICT}print(file.read())"
    assert said(START + source, *folders) == "outside"


def test_children_are_restricted_too_and_nothing_lifts_it(folders: tuple[str, str, str]) -> None:
    source = f"""
{RESTRICT}
landlock.restrict([outside], [outside])
def attempt():
    if refused(lambda: open(outside + "/x")) == "EACCES":
        os._exit(7)
print(child(attempt))
"""
    assert said(START + source, *folders) == "7"


def test_no_connection_is_made(folders: tuple[str, str, str]) -> None:
    source = f"""
server = socket.create_server(("127.0.0.1", 0))
{RESTRICT}
tried = refused(lambda: socket.create_connection(server.getsockname())), refused(lambda: socket.socket().bind(("", 0)))
print(abi, *tried)
"""
    abi, connected, bound = said(START + source, *folders).split()
    if int(abi) < 4:
        pytest.skip(f"ABI {abi} does not know the network")
    assert (connected, bound) == ("EACCES", "EACCES")


def test_no_signal_goes_outside(folders: tuple[str, str, str]) -> None:
    source = f"""
host = os.getpid()
pid = os.fork()
if pid == 0:
    {RESTRICT}    print(abi, refused(lambda: os.kill(host, 0)), refused(lambda: os.kill(os.getpid(), 0)))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(pid, 0)
"""
    abi, outside, itself = said(START + source, *folders).split()
    if int(abi) < 6:
        pytest.skip(f"ABI {abi} does not know signals")
    assert (outside, itself) == ("EPERM", "done")


def test_without_landlock_the_error_says_so(folders: tuple[str, str, str]) -> None:
    source = """
from _cell import seccomp
seccomp.install(seccomp._assemble([seccomp._NUMBER, *seccomp._tree({444: [seccomp._result(seccomp.ENOSYS)]})]))
print(refused(lambda: landlock.restrict([readable], [])), open(outside + "/x").read())
"""
    assert said(START + source, *folders) == "ENOSYS outside"
