"""What a command of the user's and everything that it starts may do: more than a candidate, but only in its own place.

It may start programs, fork, talk to itself over sockets and change files below its own folders.
"""

from __future__ import annotations

import os
import struct

from . import landlock, libc, seccomp

_DEVICES = 1 << 6 | 1 << 11  # MAKE_CHAR MAKE_BLOCK
_RUN = landlock._EXECUTE | landlock._READ
# Without harm to anybody, or without effect for a process that has no rights to lose.
_PERMITTED = """
socket connect bind listen accept accept4 execve execveat shmget shmat shmctl semget semop semctl semtimedop msgget
msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr chmod fchmod fchmodat chown
fchown lchown fchownat truncate utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr
fremovexattr setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid sched_setparam sched_setscheduler
sched_setaffinity sched_setattr setpriority ioprio_set inotify_add_watch io_setup sync syncfs personality
"""
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX AF_INET AF_INET6 AF_NETLINK; others, such as vsock, leave every namespace
_TERMINALS = (0x5412, 0x541C)  # TIOCSTI TIOCLINUX put signs into somebody's terminal


def restrict_files(listed: list[str], readable: list[str], writable: list[str], written: list[str]) -> int:
    """As `landlock.restrict`, but what is readable may be run, and TCP is left to others.

    Args:
        listed: folders whose names, and those of what lies below, may be read.
        written: files that may be written and not read.

    Raises:
        OSError: no Landlock here. Nothing is restricted then.
    """
    abi = libc.syscall(landlock._CREATE, None, 0, landlock._VERSION)
    rights = landlock._since(landlock._RIGHTS, abi)
    handled = struct.pack("QQQ", rights, 0, landlock._since(landlock._SCOPES, abi))
    ruleset = libc.syscall(landlock._CREATE, handled, 8 if abi < 4 else 16 if abi < 6 else 24, 0)
    try:
        allowed = (listed, landlock._READ_DIR), (readable, _RUN), (writable, ~_DEVICES), (written, landlock._WRITE_FILE)
        for paths, wanted in allowed:
            for path in paths:
                landlock._allow(ruleset, path, rights & wanted)
        libc.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
        libc.syscall(landlock._RESTRICT, ruleset, landlock._NO_LOG if abi >= 7 else 0)
    finally:
        os.close(ruleset)
    return abi


def restrict_calls(sockets: bool) -> None:
    """No other process's memory, namespaces, mounts, keys or kernel doors; all of it refused, nothing killed.

    Args:
        sockets: whether any are to be had; `socketpair` always is.

    Raises:
        OSError: no seccomp here, or an unknown machine.
    """
    refused = " ".join(
        e for e in f"{seccomp._ATTACKS} {seccomp._REFUSED}".split() if e.partition("=")[0] not in _PERMITTED
    )
    rules = {**seccomp._rules(refused, seccomp.EPERM), **seccomp._rules(seccomp._UNKNOWN, seccomp.ENOSYS)}
    number = libc.number
    rules[number(16, 29)] = seccomp._but(1, _TERMINALS, seccomp.EPERM)
    rules[number(56, 220)] = [
        seccomp._argument(0),
        (seccomp._JSET, 0, 1, seccomp._NEW_NAMESPACES),
        seccomp._result(seccomp.EPERM),
        seccomp._result(seccomp.ALLOW),
    ]
    rules[number(41, 198)] = seccomp._only(0, _FAMILIES, seccomp.EPERM) if sockets else [seccomp._result(seccomp.EPERM)]
    seccomp.install(seccomp._assemble(seccomp._guard() + seccomp._tree(rules)))
