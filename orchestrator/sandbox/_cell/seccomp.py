"""Seccomp filters: which calls of the system a process may make from now on, and all it starts.

A filter is an array of `struct sock_filter`, classic BPF over `struct seccomp_data`. The kernel tries it once for every
call it knows when it is installed, to skip it later where it always allows; so it is a search tree and no list.
"""

from __future__ import annotations

import errno
import struct

from . import libc

ALLOW = 0x7FFF0000
KILL = 0x80000000
EPERM = 0x00050001
ENOSYS = 0x00050026
ENOTTY = 0x00050019

# name=number on x86-64,number on aarch64; a dash where there is none.
_ATTACKS = """
ptrace=101,117 process_vm_readv=310,270 process_vm_writev=311,271 kcmp=312,272 pidfd_getfd=438,438 bpf=321,280
perf_event_open=298,241 userfaultfd=323,282 unshare=272,97 setns=308,268 mount=165,40 umount2=166,39 pivot_root=155,41
chroot=161,51 open_tree=428,428 move_mount=429,429 fsopen=430,430 fsconfig=431,431 fsmount=432,432 fspick=433,433
mount_setattr=442,442 kexec_load=246,104 kexec_file_load=320,294 create_module=174,- init_module=175,105
delete_module=176,106 get_kernel_syms=177,- query_module=178,- finit_module=313,273 reboot=169,142 swapon=167,224
swapoff=168,225 acct=163,89 quotactl=179,60 quotactl_fd=443,443 nfsservctl=180,42 settimeofday=164,170
clock_settime=227,112 iopl=172,- ioperm=173,- add_key=248,217 request_key=249,218 keyctl=250,219
open_by_handle_at=304,265 fanotify_init=300,262 fanotify_mark=301,263
"""
# What an honest program may try without harm: it gets an error and goes on. `sync` is among them since it holds up
# the whole machine, and `io_setup` since its pool is one for all.
_REFUSED = """
socket=41,198 connect=42,203 bind=49,200 listen=50,201 accept=43,202 accept4=288,242
execve=59,221 execveat=322,281
shmget=29,194 shmat=30,196 shmctl=31,195 semget=64,190 semop=65,193 semctl=66,191 semtimedop=220,192
msgget=68,186 msgsnd=69,189 msgrcv=70,188 msgctl=71,187
mq_open=240,180 mq_unlink=241,181 mq_timedsend=242,182 mq_timedreceive=243,183 mq_notify=244,184 mq_getsetattr=245,185
fchmod=91,52 chown=92,- fchown=93,55 lchown=94,- fchownat=260,54
setxattr=188,5 lsetxattr=189,6 fsetxattr=190,7 removexattr=197,14 lremovexattr=198,15 fremovexattr=199,16
setuid=105,146 setgid=106,144 setreuid=113,145 setregid=114,143 setgroups=116,159 setresuid=117,147 setresgid=119,149
setfsuid=122,151 setfsgid=123,152 capset=126,91 personality=135,92 modify_ldt=154,- sethostname=170,161
setdomainname=171,162 syslog=103,116 vhangup=153,58 adjtimex=159,171 clock_adjtime=305,266 lookup_dcookie=212,18
sched_setparam=142,118 sched_setscheduler=144,119 sched_setaffinity=203,122 sched_setattr=314,274 setpriority=141,140
ioprio_set=251,30 migrate_pages=256,238 move_pages=279,239 process_madvise=440,440 process_mrelease=448,448
rt_sigqueueinfo=129,138 rt_tgsigqueueinfo=297,240 name_to_handle_at=303,264 inotify_add_watch=254,27
io_setup=206,0 sync=162,81 syncfs=306,267 memfd_secret=447,447
"""
# What changes files by name and is not, or not always, for Landlock to decide; no harm where all others are mounted to
# be read only.
_BY_NAME = """
chmod=90,- fchmodat=268,53 truncate=76,45 utime=132,- utimes=235,- futimesat=261,- utimensat=280,88
"""
# The C library and event loops know another way.
_UNKNOWN = "clone3=435,435 io_uring_setup=425,425 io_uring_enter=426,426 io_uring_register=427,427"
_LAST = 450
"""Calls that came to Linux later than this one are unknown here, so that nothing new is open by oversight."""

_NEW_NAMESPACES = 0x7E020000
_CLONE_THREAD = 0x00010000
_OWNERS_OF_SIGNALS = (8, 10, 15, 1024, 1026)  # F_SETOWN F_SETSIG F_SETOWN_EX F_SETLEASE F_NOTIFY: kill by detour
_IOCTLS = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # isatty, size, FIONREAD, FIONBIO, (not) CLOEXEC
_ANY_PID = 0x5EC0F17E
_NAMES = (15, 16)  # PR_SET_NAME PR_GET_NAME

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_JEQ, _JGE, _JSET = 0x15, 0x35, 0x45
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

TYPE_CHECKING = False
if TYPE_CHECKING:
    Code = list[tuple[int, int, int, int]]
    Rules = dict[int, Code]


def zygote_program(*, own_files: bool = False) -> bytes:
    """For the process that forks candidates, and under them: it may fork, wait, kill and hand descriptors on.

    No network, exec, other processes' memory, namespaces, mounts, shared memory, or changes of owners.

    Args:
        own_files: whether no file but its own can be written, so that modes and times may be changed.

    Raises:
        OSError: there is no table of the calls of this machine.
    """
    rules = _denied()
    if not own_files:
        rules.update(_rules(_BY_NAME, EPERM))
    return _assemble(_guard() + _tree(rules))


def judge_program() -> bytes:
    """For the process that holds the tests: as `zygote_program`, without new sessions."""
    rules = {**_denied(), **_rules(_BY_NAME + "setsid=112,157 setpgid=109,154", EPERM)}
    return _assemble(_guard() + _tree(rules))


def candidate_program(pid: int) -> bytes:
    """For a candidate whose number in its own pid namespace is `pid`; on top of `zygote_program`.

    Threads stay possible, processes do not; signals go to itself alone.
    """
    number = libc.number
    rules = _rules(
        "setsid=112,157 setpgid=109,154 memfd_create=319,279 seccomp=317,277 pidfd_open=434,434 "
        "pidfd_send_signal=424,424 fork=57,- vfork=58,-",
        EPERM,
    )
    for kill in (number(62, 129), number(200, 130), number(234, 131)):  # kill tkill tgkill
        rules[kill] = _only(0, (pid,), EPERM)
    rules[number(157, 167)] = _only(0, _NAMES, EPERM)
    rules[number(56, 220)] = [_argument(0), (_JSET, 0, 1, _CLONE_THREAD), _result(ALLOW), _result(EPERM)]
    return _assemble([_NUMBER, *_tree(rules)])


def install(program: bytes) -> None:
    """Puts the calling thread, and whatever it starts, under the filter for good.

    Raises OSError where the kernel has no filters.
    """
    libc.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    Prepared(program).install()


class Prepared:
    """A filter that is handed over as it lies: for processes that are forked by the thousand.

    Made before the fork; the child then makes a single call and touches few pages, which is most of the cost.
    """

    __slots__ = ("_arguments", "_call", "_flags", "_header", "_held", "_places", "_words")

    def __init__(self, program: bytes, pid: int | None = None) -> None:
        """`pid` is the one that `program` was made for, to be replaced by that of the process that installs it."""
        import ctypes

        self._held = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(self._held))
        self._header = header
        given = ctypes.create_string_buffer(header, len(header))
        self._flags = ctypes.c_long(4)  # SECCOMP_FILTER_FLAG_SPEC_ALLOW
        self._arguments = (ctypes.c_long(libc.number(317, 277)), ctypes.c_long(1), self._flags, given)
        self._call = ctypes.CDLL(None).syscall  # without errno, which would cost a child pages of its own
        wanted = b"" if pid is None else struct.pack("I", pid)
        self._words = memoryview(self._held).cast("B").cast("I")
        self._places = [i // 4 for i in range(4, len(program), 8) if program[i : i + 4] == wanted]

    def install(self, pid: int = 0) -> None:
        """Puts the calling thread under the filter for good. Raises OSError."""
        words = self._words
        for place in self._places:
            words[place] = pid
        if self._call(*self._arguments) == 0:
            return
        try:
            libc.syscall(libc.number(317, 277), 1, self._flags.value, self._header)  # once more, to be told why
        except OSError as error:
            if error.errno != errno.EINVAL or not self._flags.value:
                raise
            self._flags.value = 0  # Linux before 4.17 has no such flag
            self.install(pid)


def prepared_candidate() -> Prepared:
    """`candidate_program` for whichever process calls `install(os.getpid())`."""
    return Prepared(candidate_program(_ANY_PID), _ANY_PID)


def _denied() -> Rules:
    rules = {**_rules(_ATTACKS, KILL), **_rules(_REFUSED, EPERM), **_rules(_UNKNOWN, ENOSYS)}
    number = libc.number
    rules[number(16, 29)] = _only(1, _IOCTLS, ENOTTY)
    rules[number(72, 25)] = _but(1, _OWNERS_OF_SIGNALS, EPERM)  # fcntl
    rules[number(302, 261)] = _only(0, (0,), EPERM)  # prlimit64
    rules[number(62, 129)] = _but(0, (0, 0xFFFFFFFF), EPERM)  # kill: no groups by accident, nor everybody
    rules[number(56, 220)] = [_argument(0), (_JSET, 0, 1, _NEW_NAMESPACES), _result(KILL), _result(ALLOW)]
    # What is sent into a pair of streams cannot go elsewhere, unlike with datagrams.
    rules[number(53, 199)] = [
        _argument(0),
        (_JEQ, 0, 4, 1),  # AF_UNIX
        _argument(1),
        (_AND, 0, 0, 0xF),
        (_JEQ, 2, 0, 1),  # SOCK_STREAM
        (_JEQ, 1, 0, 5),  # SOCK_SEQPACKET
        _result(EPERM),
        _result(ALLOW),
    ]
    return rules


def _rules(table: str, result: int) -> Rules:
    rules = {}
    for entry in table.split():
        x86, _, arm = entry.partition("=")[2].partition(",")
        number = (x86, arm)[libc.number(0, 1)]
        if number != "-":
            rules[int(number)] = [_result(result)]
    return rules


def _guard() -> Code:
    """Calls of other architectures, x32 among them, have other numbers; then the number."""
    code: Code = [(_LOAD, 0, 0, 4), (_JEQ, 1, 0, _AUDIT[libc.MACHINE]), _result(KILL), _NUMBER]
    return [*code, (_JGE, 0, 1, 0x40000000), _result(KILL), (_JGE, 0, 1, _LAST + 1), _result(ENOSYS)]


def _tree(rules: Rules) -> Code:
    """A balanced search for the number that is loaded; what no rule names is allowed."""
    starts: list[tuple[int, Code]] = [(0, [_result(ALLOW)])]
    for number in sorted(rules):
        for start, code in ((number, rules[number]), (number + 1, [_result(ALLOW)])):
            if starts[-1][0] == start:
                starts.pop()
            if not starts or starts[-1][1] != code:
                starts.append((start, code))
    return _search(starts)


def _search(starts: list[tuple[int, Code]]) -> Code:
    if len(starts) == 1:
        return starts[0][1]
    middle = len(starts) // 2
    low, high = _search(starts[:middle]), _search(starts[middle:])
    assert len(low) < 256, "a jump reaches no further"
    return [(_JGE, len(low), 0, starts[middle][0]), *low, *high]


_NUMBER = (_LOAD, 0, 0, 0)


def _argument(index: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, 16 + 8 * index)  # its low half: both machines are little-endian


def _result(value: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, value)


def _only(index: int, values: tuple[int, ...], otherwise: int) -> Code:
    tests = [(_JEQ, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [_argument(index), *tests, _result(otherwise), _result(ALLOW)]


def _but(index: int, values: tuple[int, ...], then: int) -> Code:
    tests = [(_JEQ, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [_argument(index), *tests, _result(ALLOW), _result(then)]


def _assemble(code: Code) -> bytes:
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)
