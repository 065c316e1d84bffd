"""Mounts in a namespace of one's own."""

from __future__ import annotations

import errno
import os
import stat
import struct

from . import libc

RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 1 << 14, 1 << 18
_NOATIME, _NODIRATIME = 1024, 2048
_DETACH, _AT_RECURSIVE = 2, 0x8000


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2). Raises OSError."""
    libc.syscall(
        libc.number(165, 40),
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        flags,
        data.encode() or None,
    )


def bind(source: str, target: str, *, writable: bool = False) -> None:
    """Shows a file or folder, and all that is mounted in it, at another place, which is made if need be.

    What is not there or cannot be seen is passed over. Raises OSError.
    """
    try:
        folder = stat.S_ISDIR(os.stat(source).st_mode)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    if folder:
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    mount(source, target, None, BIND | REC)
    if not writable:
        _protect(target)


def _protect(target: str) -> None:
    """Nothing below it can be written: by one call where the kernel has it, else the outermost mount only."""
    wanted = struct.pack("QQQQ", RDONLY | NOSUID, 0, 0, 0)
    try:
        libc.syscall(442, -100, os.fsencode(target), _AT_RECURSIVE, wanted, len(wanted))  # mount_setattr
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
        # Flags that are set already, and not by this user, have to stay.
        kept = os.statvfs(target).f_flag & (NOSUID | NODEV | NOEXEC | _NOATIME | _NODIRATIME)
        mount("none", target, None, REMOUNT | BIND | RDONLY | NOSUID | kept)


def pivot(new: str, old: str) -> None:
    """pivot_root(2). Raises OSError."""
    libc.syscall(libc.number(155, 41), os.fsencode(new), os.fsencode(old))


def detach(target: str) -> None:
    """Takes away what is mounted there, though it may be in use. Raises OSError."""
    libc.syscall(libc.number(166, 39), os.fsencode(target), _DETACH)
