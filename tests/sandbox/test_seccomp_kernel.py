"""The filters in the kernel: what attacks meet, what a candidate is refused, and what honest programs may do."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from textwrap import dedent

import pytest

from orchestrator.sandbox._cell import libc
from tests.sandbox.cell import lacking, run, said

FILTERED = """
from _cell import libc, seccomp
def confined():
    seccomp.install(seccomp.zygote_program())
    prepared = seccomp.prepared_candidate()
    prepared.install(os.getpid())
def numbers(text):
    entries = (entry.partition("=") for entry in text.split())
    both = ((name, numbers.split(",")[libc.number(0, 1)]) for name, _, numbers in entries)
    return {name: int(number) for name, number in both if number != "-"}
"""


@pytest.fixture
def filtered() -> Callable[[str], str]:
    reason = lacking("seccomp")
    if reason:
        pytest.skip(f"no seccomp here: {reason}")
    return lambda source: FILTERED + source


def test_attacks_end_the_process(filtered: Callable[[str], str]) -> None:
    ended = json.loads(
        said(
            filtered(
                """
print(json.dumps({
    name: child(lambda: (confined(), libc.syscall(number, 0, 0, 0, 0, 0, 0)))
    for name, number in numbers(seccomp._ATTACKS).items()
}))
"""
            )
        )
    )
    assert set(ended.values()) == {-signal.SIGSYS}, ended


def test_what_honest_programs_may_try_is_refused(filtered: Callable[[str], str]) -> None:
    ended = json.loads(
        said(
            filtered(
                """
names = numbers(seccomp._REFUSED + seccomp._BY_NAME)
confined()
print(json.dumps({name: refused(lambda: libc.syscall(n, 0, 0, 0, 0, 0, 0)) for name, n in names.items()}))
"""
            )
        )
    )
    assert set(ended.values()) == {"EPERM"}, ended


def test_calls_of_32_bits_end_the_process(filtered: Callable[[str], str]) -> None:
    if libc.MACHINE != "x86_64":
        pytest.skip("only x86-64 has a second way into the kernel")
    source = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
enter = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
print(child(enter), child(lambda: (confined(), enter())))
"""
    assert said(filtered(source)).split()[-1] == str(-signal.SIGSYS)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param("os.fork()", id="fork"),
        pytest.param("__import__('subprocess').run(['true'])", id="subprocess"),
        pytest.param("os.posix_spawn('/bin/true', ['true'], {})", id="spawn"),
        pytest.param("os.execv('/bin/true', ['true'])", id="exec"),
        pytest.param("__import__('socket').socket()", id="socket"),
        pytest.param("__import__('socket').socketpair(type=2)", id="datagrams"),
        pytest.param("os.kill(os.getppid(), 0)", id="kill-parent"),
        pytest.param("os.kill(-1, 0)", id="kill-everybody"),
        pytest.param("os.killpg(0, 0)", id="kill-group"),
        pytest.param("signal.pidfd_send_signal(own, 0)", id="kill-by-descriptor"),
        pytest.param("os.pidfd_open(1)", id="descriptor-of-a-process"),
        pytest.param("os.setsid()", id="session"),
        pytest.param("os.setuid(0)", id="become-root"),
        pytest.param("os.chmod('/', 0o755)", id="chmod"),
        pytest.param("os.utime('/')", id="utime"),
        pytest.param("os.memfd_create('x')", id="memory-file"),
        pytest.param("os.nice(1)", id="nice"),
        pytest.param("__import__('resource').prlimit(os.getppid(), 7)", id="limits-of-others"),
        pytest.param("__import__('fcntl').fcntl(0, 8, os.getppid())", id="owner-of-signals"),
        pytest.param("libc.prctl(4, 1)", id="dumpable"),
        pytest.param("seccomp.install(seccomp.candidate_program(1))", id="another-filter"),
    ],
)
def test_a_candidate_is_refused(filtered: Callable[[str], str], attempt: str) -> None:
    source = (
        f"import resource, subprocess\nown = os.pidfd_open(os.getpid())\nconfined()\nprint(refused(lambda: {attempt}))"
    )
    assert said(filtered(source)) == "EPERM"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            """
            import threading
            threading.stack_size(128 << 20)
            found = []
            thread = threading.Thread(target=lambda: found.append(1))
            thread.start(); thread.join()
            assert found == [1]
            """,
            id="threads-with-large-stacks",
        ),
        pytest.param(
            """
            import asyncio
            async def main():
                return await asyncio.wait_for(asyncio.to_thread(lambda: 7), 10)
            assert asyncio.run(main()) == 7
            """,
            id="asyncio",
        ),
        pytest.param(
            """
            from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor(4) as pool:
                assert list(pool.map(abs, [-1, -2])) == [1, 2]
            """,
            id="pool-of-threads",
        ),
        pytest.param(
            """
            import tempfile, shutil
            with tempfile.TemporaryDirectory() as folder:
                with open(folder + "/a", "w") as file:
                    file.write("x")
                shutil.copyfile(folder + "/a", folder + "/b")
                os.rename(folder + "/b", folder + "/c")
                os.symlink("c", folder + "/d")
                assert open(folder + "/d").read() == "x"
            """,
            id="files",
        ),
        pytest.param(
            """
            import time
            caught = []
            signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))
            os.kill(os.getpid(), signal.SIGUSR1)
            signal.raise_signal(signal.SIGUSR1)
            assert caught == [1, 1]
            """,
            id="signals-to-itself",
        ),
        pytest.param(
            """
            import resource
            soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
            resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))
            """,
            id="stack-limit",
        ),
        pytest.param(
            """
            import random, uuid, time, socket
            random.SystemRandom().random(); uuid.uuid4(); time.sleep(0)
            one, other = socket.socketpair()
            one.send(b"x")
            assert other.recv(1) == b"x"
            """,
            id="randomness-and-pairs",
        ),
    ],
)
def test_honest_programs_go_on(filtered: Callable[[str], str], source: str) -> None:
    assert said(filtered("confined()\n" + dedent(source) + "print('well')\n")) == "well"


def test_abort_ends_a_candidate_with_its_signal(filtered: Callable[[str], str]) -> None:
    assert run(filtered("confined()\nos.abort()\n")).returncode == -signal.SIGABRT


def test_a_zygote_can_fork_and_kill(filtered: Callable[[str], str]) -> None:
    source = """
seccomp.install(seccomp.zygote_program())
os.memfd_create("output")
pid = os.fork()
if pid == 0:
    signal.pause()
os.kill(pid, signal.SIGKILL)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert said(filtered(source)) == str(-signal.SIGKILL)


def test_a_judge_can_fork_but_not_leave(filtered: Callable[[str], str]) -> None:
    source = "seccomp.install(seccomp.judge_program())\nprint(child(lambda: None), refused(os.setsid))"
    assert said(filtered(source)) == "0 EPERM"


def test_one_prepared_filter_serves_every_child(filtered: Callable[[str], str]) -> None:
    source = """
seccomp.install(seccomp.zygote_program())
prepared = seccomp.prepared_candidate()
def attempt():
    prepared.install(os.getpid())
    os.kill(os.getpid(), 0)
    if refused(lambda: os.kill(os.getppid(), 0)) != "EPERM":
        os._exit(1)
print([child(attempt) for _ in range(3)])
"""
    assert said(filtered(source)) == "[0, 0, 0]"


def test_what_is_no_filter_is_refused(filtered: Callable[[str], str]) -> None:
    assert said(filtered("print(refused(lambda: seccomp.install(bytes(8))))")) == "EINVAL"
