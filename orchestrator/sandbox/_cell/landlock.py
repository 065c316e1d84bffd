"""Landlock: which files a process and all it starts may open from now on."""

from __future__ import annotations

import os
import stat
import struct

from . import libc

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every machine
_VERSION = 1
_NO_LOG = 1  # what a program is denied is no business of the machine's audit

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV, _RESOLVE_UNIX = (
    1,
    2,
    4,
    8,
    1 << 14,
    1 << 15,
    1 << 16,
)
_READ = _READ_FILE | _READ_DIR
_NO_WRITE = _EXECUTE | 1 << 6 | 1 << 9 | 1 << 11 | _IOCTL_DEV | _RESOLVE_UNIX  # devices and sockets are not made either
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_RIGHTS = ((1, 0x1FFF), (2, 1 << 13), (3, _TRUNCATE), (5, _IOCTL_DEV), (9, _RESOLVE_UNIX))
_NETWORK = ((4, 0b0011), (10, 0b1100))  # TCP, UDP: bind and connect
_SCOPES = ((6, 0b11),)  # abstract sockets and signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def restrict(readable: Sequence[str], writable: Sequence[str]) -> int:
    """Leaves the calling thread, and whatever it starts, only what lies at or below these paths, none of it to be run.

    With it go TCP (ABI 4), and signals and abstract sockets to processes outside (ABI 6). Paths that do not exist are
    passed over. Files that are open already stay so.

    Returns:
        The version of the ABI that is in force.

    Raises:
        OSError: the kernel has no Landlock, or something in between refuses its calls. Nothing is restricted then.
    """
    abi = libc.syscall(_CREATE, None, 0, _VERSION)
    rights = _since(_RIGHTS, abi)
    handled = struct.pack("QQQ", rights, _since(_NETWORK, abi), _since(_SCOPES, abi))
    ruleset = libc.syscall(_CREATE, handled, 8 if abi < 4 else 16 if abi < 6 else 24, 0)
    try:
        for path in readable:
            _allow(ruleset, path, rights & _READ)
        for path in writable:
            _allow(ruleset, path, rights & ~_NO_WRITE)
        libc.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
        libc.syscall(_RESTRICT, ruleset, _NO_LOG if abi >= 7 else 0)
    finally:
        os.close(ruleset)
    return abi


def _since(table: tuple[tuple[int, int], ...], abi: int) -> int:
    bits = 0
    for first, more in table:
        if first <= abi:
            bits |= more
    return bits


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        held = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(held).st_mode):
            rights &= _OF_FILES
        libc.syscall(_ADD, ruleset, 1, struct.pack("=Qi", rights, held), 0)  # LANDLOCK_RULE_PATH_BENEATH
    finally:
        os.close(held)
