from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from orchestrator.sandbox._cell.namespaces import _outermost
from tests.sandbox.cell import LINUX, User, said

pytestmark = pytest.mark.skipif(not LINUX, reason="only Linux has namespaces")

START = """
import tempfile
from functools import partial
from _cell import layers, libc, namespaces, trials
SIZE, INODES = 2, 64
scratch = tempfile.mkdtemp()
readable = layers._readable(())
libc.load()
def works(plan):
    return trials.tried(partial(trials.of_plan, plan, scratch, SIZE, INODES, readable))[0] is not None
def outcome(attempt):
    try:
        return attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno)
def inside(plan, look):
    def outer():
        plan.enter(scratch, SIZE, INODES, readable)
        def first():
            plan.settle(first=True)
            return look()
        return trials.tried(first)
    (found, reason), failed = trials.tried(outer)
    assert found is not None, reason or failed
    return found
"""
LOOK = """
import socket
def fill():
    with open(scratch + "/large", "wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
def crowd():
    for number in range(10 * INODES):
        open(f"{scratch}/{number}", "w").close()
def memory_of_the_first():
    return child(lambda: os._exit(refused(lambda: open("/proc/1/mem", "rb")) in (None, "done")))
def look():
    return {
        "pid": os.getpid(),
        "user": os.getuid(),
        "root again": refused(lambda: os.setuid(0)) if os.getuid() else None,
        "mount": refused(lambda: namespaces.mounts.mount("none", "/", None, namespaces.mounts.PRIVATE)),
        "root": sorted(os.listdir("/")),
        "users": outcome(lambda: open("/etc/passwd").read()),
        "processes": sorted(name for name in os.listdir("/proc") if name.isdecimal()),
        "library": refused(lambda: open(os.path.dirname(os.__file__) + "/new.py", "w")),
        "outside": refused(lambda: open("/new", "w")),
        "devices": refused(lambda: (open("/dev/null", "w").write("x"), open("/dev/urandom", "rb").read(1))),
        "late import": bool(__import__("sqlite3")),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "connection": refused(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])))),
        "memory of the first": memory_of_the_first(),
        "fill": outcome(fill),
        "crowd": outcome(crowd),
        "capabilities": outcome(lambda: [line[8:-1] for line in open("/proc/self/status") if line[:6] == "CapEff"]),
    }
plan = next((plan for plan in namespaces.plans() if plan.mounts and works(plan)), None)
before = os.stat(scratch)
found = plan and {"plan": sorted(plan.layers()), **inside(plan, look)}
if found:
    after = os.stat(scratch)
    found["left"] = os.listdir(scratch)
    found["owner kept"] = (before.st_uid, before.st_mode) == (after.st_uid, after.st_mode)
os.rmdir(scratch)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def facts(user: User) -> dict[str, Any]:
    """What the first process of all namespaces finds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = json.loads(said(START + LOOK, str(server.getsockname()[1]), user=user))
    if found is None:
        pytest.skip("no namespaces with mounts here")
    return dict(found)


def test_no_other_process_is_seen(facts: dict[str, Any]) -> None:
    assert facts["pid"] == 1
    assert facts["processes"] in (["1"], [])


def test_only_what_is_readable_is_there(facts: dict[str, Any]) -> None:
    assert facts["users"] == "ENOENT"
    assert not {"sys", "var", "boot", "mnt", "opt", "run", "srv"}.intersection(facts["root"])
    assert facts["late import"] is True
    assert facts["devices"] == "done"


def test_nothing_but_scratch_can_be_written(facts: dict[str, Any]) -> None:
    assert (facts["library"], facts["outside"]) == ("EROFS", "EROFS")


def test_scratch_is_limited_in_size_and_number_and_gone_after(facts: dict[str, Any]) -> None:
    assert (facts["fill"], facts["crowd"]) == ("ENOSPC", "ENOSPC")
    assert facts["left"] == []
    assert facts["owner kept"] is True


def test_no_network_is_reached(facts: dict[str, Any]) -> None:
    assert facts["interfaces"] == ["lo"]
    assert facts["connection"] in ("ENETUNREACH", "ECONNREFUSED", "EADDRNOTAVAIL")


def test_no_right_is_left(facts: dict[str, Any]) -> None:
    assert facts["user"] == 65534
    assert facts["root again"] in ("EPERM", "EINVAL")  # EINVAL: in a namespace of users that has no root
    assert facts["mount"] == "EPERM"
    assert facts["capabilities"] in (["0000000000000000"], "ENOENT")


def test_the_memory_of_the_first_process_is_closed(facts: dict[str, Any]) -> None:
    assert facts["memory of the first"] == 0


def test_without_mounts_the_rest_still_holds(user: User) -> None:
    source = """
import socket
look = lambda: [os.getpid(), [name for _, name in socket.if_nameindex()], os.path.exists("/proc/version")]
plan = next((p for p in namespaces.plans() if p.namespaces and not p.mounts and works(p)), None)
print(json.dumps(plan and inside(plan, look)))
os.rmdir(scratch)
"""
    found = json.loads(said(START + source, user=user))
    if found is None:
        pytest.skip("no namespaces here")
    assert found == [1, ["lo"], True]


def test_a_trial_leaves_no_trace(user: User) -> None:
    source = """
spaces = lambda: [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "pid", "net", "mnt", "ipc")]
state = lambda: [spaces(), os.getresuid(), os.getcwd(), os.stat(scratch).st_uid]
before = state()
for plan in namespaces.plans():
    works(plan)
print(state() == before, child(lambda: None), os.listdir(scratch))
os.rmdir(scratch)
"""
    assert said(START + source, user=user) == "True 0 []"


def test_the_last_way_is_to_do_nothing_but_give_up_rights(user: User) -> None:
    source = """
plan = namespaces.plans()[-1]
print(sorted(plan.layers()), works(plan))
os.rmdir(scratch)
"""
    assert said(START + source, user=user) == "[] True"


def test_paths_within_others_are_shown_once() -> None:
    assert _outermost(["/no/such/b/c", "/no/such/b", "/no/such/bc", "/", "/no/such/a/"]) == [
        "/no/such/a",
        "/no/such/b",
        "/no/such/bc",
    ]
