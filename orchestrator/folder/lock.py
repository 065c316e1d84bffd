"""One process per run folder."""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from pathlib import Path

from ..errors import ConfigError
from ..files import open_private

_PATIENCE = 0.2
"""Seconds: a look by `runs list` holds the lock for an instant, and must not turn a run away."""


class Lock:
    """An exclusive lock on a file; the system lets go of it when the process ends in any way.

    Raises:
        ConfigError: another process holds it; names its pid.
    """

    def __init__(self, path: Path, what: str) -> None:
        fd = open_private(path, os.O_RDWR | os.O_CREAT)
        try:
            _acquire(fd, what)
        except BaseException:
            os.close(fd)
            raise
        pid = f"{os.getpid()}\n".encode()
        os.pwrite(fd, pid, 0)
        os.ftruncate(fd, len(pid))
        self._fd = fd
        # A forked worker that outlives a killed parent would hold the lock: children let go of it at once.
        mine: weakref.ref[Lock] = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _let_go(mine))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def held(path: Path) -> bool:
    """Whether some process holds the lock on this file."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _let_go(reference: weakref.ref[Lock]) -> None:
    lock = reference()
    if lock is not None:
        lock.close()


def _acquire(fd: int, what: str) -> None:
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise ConfigError(f"{what} is in use by another process{_owner(fd)}") from None
        except OSError as error:
            raise ConfigError(f"{what} cannot be locked: {error.strerror}; choose a folder on a local disk") from error
        time.sleep(_PATIENCE / 10)


def _owner(fd: int) -> str:
    pid = os.pread(fd, 32, 0).decode(errors="replace").strip()
    return f" (pid {pid})" if pid.isdigit() else ""
