"""A view of the file system for a command: an empty root with what it is to see mounted into it."""

from __future__ import annotations

import os

from . import mounts

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("ptmx", "pts/ptmx"))
# Where no /proc can be mounted, as in many containers, what says nothing about other processes is taken from outside.
_OF_MACHINE = ("cpuinfo", "meminfo", "stat", "loadavg", "version", "filesystems", "sys/kernel/osrelease")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def build(base: str, binds: Sequence[tuple[str, str, bool]], memory_mb: int) -> dict[str, bool]:
    """Leaves the calling process, the first of its pid namespace, only what `binds` names, /proc and /dev.

    Args:
        base: an empty folder to build in.
        binds: source, target and whether it may be written, in the order in which they are mounted.
        memory_mb: what may lie in /dev/shm.

    Returns:
        Which of the parts that can be done without there are.

    Raises:
        OSError: it cannot be built here; the process is of no use after that.
    """
    mounts.mount("none", "/", None, mounts.REC | mounts.PRIVATE)
    mounts.mount("tmpfs", base, "tmpfs", mounts.NOSUID | mounts.NODEV, "mode=0755,size=16m")
    os.chdir(base)
    os.mkdir("new")
    os.mkdir("old")
    mounts.pivot(".", "old")  # sources that the new root would hide, as below /tmp, are still to be seen
    os.chdir("/")
    mounts.mount("new", "new", None, mounts.BIND | mounts.REC)
    for source, target, writable in binds:
        mounts.bind(f"/old{source}", f"/new{target}", writable=writable)
    parts = {"devpts": _devices(memory_mb), "proc": _processes()}
    mounts.detach("/old")
    os.chdir("/new")
    mounts.pivot(".", ".")
    mounts.detach(".")
    os.chdir("/")
    mounts.mount("none", "/", None, mounts.REMOUNT | mounts.BIND | mounts.RDONLY | mounts.NOSUID | mounts.NODEV)
    return parts


def _devices(memory_mb: int) -> bool:
    os.makedirs("/new/dev/shm", exist_ok=True)
    os.makedirs("/new/dev/pts", exist_ok=True)
    for name in _DEVICES:
        mounts.bind(f"/old/dev/{name}", f"/new/dev/{name}", writable=True)
    for name, target in _LINKS:
        os.symlink(target, f"/new/dev/{name}")
    room = f"mode=1777,size={max(16, memory_mb // 4)}m"
    mounts.mount("tmpfs", "/new/dev/shm", "tmpfs", mounts.NOSUID | mounts.NODEV, room)
    try:
        own = "newinstance,ptmxmode=0666,mode=0620"
        mounts.mount("devpts", "/new/dev/pts", "devpts", mounts.NOSUID | mounts.NOEXEC, own)
    except OSError:  # without it there are no terminals
        return False
    return True


def _processes() -> bool:
    os.makedirs("/new/proc", exist_ok=True)
    try:
        mounts.mount("proc", "/new/proc", "proc", mounts.NOSUID | mounts.NODEV | mounts.NOEXEC)
    except OSError:
        for name in _OF_MACHINE:
            mounts.bind(f"/old/proc/{name}", f"/new/proc/{name}")
        return False
    return True
