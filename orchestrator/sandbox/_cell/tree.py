"""The processes below this one: what they take together, and their end. Linux, through /proc."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def taken() -> tuple[int, float]:
    """How many processes there are below this one, and the MiB of memory that are theirs alone, not of files."""
    parents = _parents()
    below = {os.getpid()}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below |= more
        grown = bool(more)
    below.discard(os.getpid())
    return len(below), sum(map(_pages, below)) * _PAGE / 2**20


def end() -> None:
    """Kills and buries all of them, also those whose parent has died: for a subreaper, that makes them its own."""
    while True:
        mine = os.getpid()
        for pid, parent in _parents().items():
            if parent == mine:
                _kill(pid)
        try:
            # Whoever dies leaves its children here, where the next round finds them.
            os.wait()
        except ChildProcessError:
            return


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _parents() -> dict[int, int]:
    found = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The name of the program, in parentheses, may hold anything.
                    found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def _pages(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared, *_ = file.read().split()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return 0
    return max(0, int(resident) - int(shared))
