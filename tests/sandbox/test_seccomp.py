"""What the filters answer to each call of the kernel, read as its machine for filters reads them."""

from __future__ import annotations

import errno
import struct

import pytest

from orchestrator.sandbox._cell import libc, seccomp

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
