from __future__ import annotations

import errno
import json
import signal
import struct
from collections.abc import Callable

import pytest

from orchestrator.sandbox._cell import libc, seccomp
from tests.sandbox.cell import lacking, run, said

TABLES = (seccomp._ATTACKS, seccomp._REFUSED, seccomp._BY_NAME, seccomp._UNKNOWN)
X86, ARM = 0xC000003E, 0xC00000B7
FORK_FLAGS, THREAD_FLAGS = 0x01200011, 0x003D0F00


def decided(program: bytes, number: int, *args: int, arch: int = X86) -> int:
    """What the kernel's machine for filters would answer."""
    data = struct.pack("=IIQ6Q", number, arch, 0, *args, *[0] * (6 - len(args)))
    code = list(struct.iter_unpack("HBBI", program))
    held, place = 0, 0
    while True:
        operation, then, otherwise, value = code[place]
        place += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            held = struct.unpack_from("I", data, value)[0]
        elif operation == 0x54:
            held &= value
        else:
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[operation]
            place += then if holds else otherwise


def table(text: str, machine: int) -> dict[str, int]:
    """Numbers by name on the first or second machine of a table."""
    entries = (entry.partition("=") for entry in text.split())
    return {name: int(n) for name, _, both in entries if (n := both.split(",")[machine]) != "-"}


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Place in the tables and name for the kernel of a machine that the filters are made for."""
    monkeypatch.setattr(libc, "MACHINE", request.param)
    return (0, X86) if request.param == "x86_64" else (1, ARM)


def test_every_number_is_answered_as_its_table_says(machine: tuple[int, int]) -> None:
    place, arch = machine
    program = seccomp.zygote_program()
    answers = dict.fromkeys(range(seccomp._LAST + 1), seccomp.ALLOW)
    answers |= dict.fromkeys(range(seccomp._LAST + 1, 600), seccomp.ENOSYS)
    for text, answer in (
        (seccomp._ATTACKS, seccomp.KILL),
        (seccomp._REFUSED, seccomp.EPERM),
        (seccomp._BY_NAME, seccomp.EPERM),
        (seccomp._UNKNOWN, seccomp.ENOSYS),
    ):
        answers |= dict.fromkeys(table(text, place).values(), answer)
    by_argument = {(16, 29), (72, 25), (302, 261), (62, 129), (56, 220), (53, 199)}
    for both in by_argument:
        del answers[both[place]]
    assert {number: decided(program, number, arch=arch) for number in answers} == answers


def test_no_call_stands_in_two_tables() -> None:
    for place in (0, 1):
        numbers = [n for t in TABLES for n in table(t, place).values()]
        assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    ("call", "args", "answer"),
    [
        pytest.param((56, 220), (FORK_FLAGS,), seccomp.ALLOW, id="fork"),
        pytest.param((56, 220), (FORK_FLAGS | 1 << 28,), seccomp.KILL, id="new-user-namespace"),
        pytest.param((56, 220), (FORK_FLAGS | 1 << 17,), seccomp.KILL, id="new-mount-namespace"),
        pytest.param((53, 199), (1, 1 | 0o2000000), seccomp.ALLOW, id="pair-of-streams"),
        pytest.param((53, 199), (1, 5), seccomp.ALLOW, id="pair-of-packet-streams"),
        pytest.param((53, 199), (1, 2), seccomp.EPERM, id="pair-of-datagrams"),
        pytest.param((53, 199), (2, 1), seccomp.EPERM, id="pair-of-another-family"),
        pytest.param((62, 129), (77, 9), seccomp.ALLOW, id="kill-a-child"),
        pytest.param((62, 129), (2**64 - 1, 9), seccomp.EPERM, id="kill-everybody"),
        pytest.param((62, 129), (0, 9), seccomp.EPERM, id="kill-the-group"),
        pytest.param((72, 25), (0, 3), seccomp.ALLOW, id="flags-of-a-file"),
        pytest.param((72, 25), (0, 8, 1), seccomp.EPERM, id="owner-of-signals"),
        pytest.param((72, 25), (0, 10, 9), seccomp.EPERM, id="signal-of-a-file"),
        pytest.param((16, 29), (0, 0x5401), seccomp.ALLOW, id="isatty"),
        pytest.param((16, 29), (0, 0x5412), seccomp.ENOTTY, id="type-into-a-terminal"),
        pytest.param((302, 261), (0, 7), seccomp.ALLOW, id="own-limits"),
        pytest.param((302, 261), (1, 7), seccomp.EPERM, id="limits-of-others"),
    ],
)
def test_arguments_decide(machine: tuple[int, int], call: tuple[int, int], args: tuple[int, ...], answer: int) -> None:
    place, arch = machine
    assert decided(seccomp.zygote_program(), call[place], *args, arch=arch) == answer


@pytest.mark.parametrize(
    ("call", "args", "answer"),
    [
        pytest.param((56, 220), (THREAD_FLAGS,), seccomp.ALLOW, id="thread"),
        pytest.param((56, 220), (FORK_FLAGS,), seccomp.EPERM, id="fork"),
        pytest.param((62, 129), (77, 9), seccomp.ALLOW, id="kill-itself"),
        pytest.param((62, 129), (78, 9), seccomp.EPERM, id="kill-another"),
        pytest.param((234, 131), (77, 80, 6), seccomp.ALLOW, id="signal-to-own-thread"),
        pytest.param((234, 131), (78, 80, 6), seccomp.EPERM, id="signal-to-another-thread"),
        pytest.param((157, 167), (15,), seccomp.ALLOW, id="name-a-thread"),
        pytest.param((157, 167), (4, 1), seccomp.EPERM, id="become-dumpable"),
        pytest.param((157, 167), (1, 0), seccomp.EPERM, id="outlive-the-parent"),
        pytest.param((319, 279), (0, 0), seccomp.EPERM, id="memory-file"),
        pytest.param((112, 157), (), seccomp.EPERM, id="new-session"),
        pytest.param((424, 424), (3, 9), seccomp.EPERM, id="kill-by-descriptor"),
        pytest.param((0, 63), (0,), seccomp.ALLOW, id="read"),
    ],
)
def test_a_candidate_keeps_threads_and_signals_to_itself(
    machine: tuple[int, int], call: tuple[int, int], args: tuple[int, ...], answer: int
) -> None:
    place, arch = machine
    assert decided(seccomp.candidate_program(77), call[place], *args, arch=arch) == answer


def test_modes_and_times_of_own_files_may_be_changed(machine: tuple[int, int]) -> None:
    place, arch = machine
    closed, open_ = seccomp.zygote_program(), seccomp.zygote_program(own_files=True)
    for number in table(seccomp._BY_NAME, place).values():
        assert (
            decided(closed, number, arch=arch) == decided(seccomp.judge_program(), number, arch=arch) == seccomp.EPERM
        )
        assert decided(open_, number, arch=arch) == seccomp.ALLOW


def test_other_architectures_end_the_process(machine: tuple[int, int]) -> None:
    _, arch = machine
    for program in (seccomp.zygote_program(), seccomp.judge_program()):
        assert decided(program, 39, arch=0x40000003) == seccomp.KILL
        assert decided(program, 0x40000000 | 39, arch=arch) == seccomp.KILL


def test_a_candidates_filter_is_short(machine: tuple[int, int]) -> None:
    assert len(seccomp.candidate_program(77)) // 8 <= 64


def test_an_unknown_machine_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libc, "MACHINE", "riscv64")
    with pytest.raises(OSError, match="riscv64") as raised:
        seccomp.zygote_program()
    assert raised.value.errno == errno.ENOSYS


# -- in the kernel --------------------------------------------------------------------------

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
    from textwrap import dedent

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
