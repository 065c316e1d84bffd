"""Namespaces: a process that sees no other, no network, and of the files only what it is shown."""

from __future__ import annotations

import os
import signal
import struct

from . import libc, mounts

_MOUNT, _IPC, _USER, _PID, _NET = 1 << 17, 1 << 27, 1 << 28, 1 << 29, 1 << 30
_NOBODY = 65534
_PARENT_DEATH, _DUMPABLE = 1, 4
_DEVICES = ("null", "zero", "full", "random", "urandom")
_STREAMS = (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Plan:
    """One way to keep apart what this process starts; which of them work is found out by trying.

    Args:
        privileged: with the rights of root and not by a namespace of users.
        namespaces: whether there are to be any; without them only root is left.
        mounts: whether a file system of its own is among them.
        nobody: whether root becomes a user without rights or files.
    """

    __slots__ = ("counted", "mounts", "namespaces", "nobody", "privileged", "proc")

    def __init__(self, *, privileged: bool, namespaces: bool, mounts: bool, nobody: bool) -> None:
        self.privileged, self.namespaces, self.mounts, self.nobody = privileged, namespaces, mounts, nobody
        self.counted = self.proc = False

    def layers(self) -> set[str]:
        """Names of what it consists of."""
        parts = {"namespaces": self.namespaces, "mounts": self.mounts, "nobody": self.nobody}
        return {name for name, there in parts.items() if there}

    def enter(self, scratch: str, size_mb: int, inodes: int, readable: Iterable[str]) -> None:
        """Makes the namespaces. The process that is forked next is the first of the pid namespace.

        Args:
            scratch: an empty folder; with `mounts`, one that is limited in size lies over it.
            readable: with `mounts`, all that is left of the files beside it.

        Raises:
            OSError: it cannot be done here, and the process is of no use any more.
        """
        if os.geteuid() == 0 and not self.mounts:
            owner = _NOBODY if self.nobody else 0
            os.chown(scratch, owner, owner)
        if self.nobody and not self.privileged:
            _become_nobody()
        if not self.namespaces:
            return
        user, group = os.geteuid(), os.getegid()
        flags = _PID | _NET | _IPC | (_MOUNT if self.mounts else 0) | (0 if self.privileged else _USER)
        libc.syscall(libc.number(272, 97), flags)
        if not self.privileged:
            _write("setgroups", "deny")
            _write("uid_map", f"{_NOBODY} {user} 1")
            _write("gid_map", f"{_NOBODY} {group} 1")
        if self.mounts:
            owner = _NOBODY if self.nobody or not self.privileged else user
            _view(scratch, f"size={size_mb}m,nr_inodes={inodes},uid={owner},gid={owner},mode=0700", readable)

    def settle(self, *, first: bool) -> None:
        """Gives up in a process what rights `enter` has left it; no other may look into its memory after that.

        Args:
            first: whether it is the first of the pid namespace, which ends with the process that forked it.

        Raises:
            OSError: it cannot be done here.
        """
        if first and self.namespaces and self.mounts:
            self.proc = _mounted_proc()
        if self.nobody and self.privileged:
            _become_nobody()
        if first:
            self.counted = self.namespaces and (not self.privileged or (self.nobody and _own_count()))
        _drop()
        libc.prctl(_DUMPABLE, 0)
        if first:
            libc.prctl(_PARENT_DEATH, signal.SIGKILL)


def plans() -> list[Plan]:
    """All ways that this user may have, the best first; the last one, that of doing nothing, always works."""
    if os.geteuid() != 0:
        return [
            Plan(privileged=False, namespaces=namespaces, mounts=mounts, nobody=False)
            for namespaces, mounts in _EXTENTS
        ]
    return [
        Plan(privileged=privileged, namespaces=namespaces, mounts=mounts, nobody=nobody)
        for namespaces, mounts in _EXTENTS
        for privileged, nobody in ((True, True), (False, True), (True, False))
        if namespaces or privileged
    ]


_EXTENTS = ((True, True), (True, False), (False, False))


def _write(name: str, text: str) -> None:
    file = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _become_nobody() -> None:
    os.setgroups(())
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    libc.prctl(_DUMPABLE, 1)  # or the files that say who is who in a namespace would belong to root


def _own_count() -> bool:
    """Whether processes are counted apart from those that others run as the same user, in a namespace of users."""
    try:
        libc.syscall(libc.number(272, 97), _USER)
    except OSError:
        return False
    return True


def _drop() -> None:
    """Every capability, for good: nothing in here is ever started that could bring them back."""
    libc.syscall(libc.number(126, 91), struct.pack("Ii", 0x20080522, 0), bytes(24))


def _view(scratch: str, limits: str, readable: Iterable[str]) -> None:
    """A root of its own, built where `scratch` is: what is readable, a few devices, and `scratch` at the same path."""
    mounts.mount("none", "/", None, mounts.REC | mounts.PRIVATE)
    mounts.mount("tmpfs", scratch, "tmpfs", mounts.NOSUID | mounts.NODEV, "mode=0755,size=1m")
    for path in _outermost(readable):
        mounts.bind(path, scratch + path)
    os.makedirs(f"{scratch}/dev", exist_ok=True)
    for name in _DEVICES:
        mounts.bind(f"/dev/{name}", f"{scratch}/dev/{name}")  # its mode cannot be changed; it can be written to
    for name, target in _STREAMS:
        os.symlink(target, f"{scratch}/dev/{name}")
    mounts.bind("/proc", f"{scratch}/proc", writable=True)  # only where one is to be seen may another one be mounted
    os.makedirs(scratch + scratch, exist_ok=True)
    mounts.mount("tmpfs", scratch + scratch, "tmpfs", mounts.NOSUID | mounts.NODEV | mounts.NOEXEC, limits)
    os.chdir(scratch)
    mounts.pivot(".", ".")
    mounts.detach(".")
    mounts.mount("none", "/", None, mounts.REMOUNT | mounts.BIND | mounts.RDONLY | mounts.NOSUID | mounts.NODEV)
    os.chdir(scratch)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Those that lie in no other; under the name that was given and the true one, since either may be asked for."""
    kept: list[str] = []
    for path in sorted({name(path) for path in paths for name in (os.path.abspath, os.path.realpath)}):
        if path != "/" and not (kept and path.startswith(f"{kept[-1]}/")):
            kept.append(path)
    return kept


def _mounted_proc() -> bool:
    """`/proc` of this namespace over that of the machine, for `/dev/stdin` and the like; or none, as in containers."""
    try:
        mounts.mount(
            "proc", "/proc", "proc", mounts.NOSUID | mounts.NODEV | mounts.NOEXEC | mounts.RDONLY, "subset=pid"
        )
    except OSError:
        mounts.detach("/proc")
        return False
    return True
