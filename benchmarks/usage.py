"""What processes have used, read from /proc and from the kernel's account of ended children."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc; seconds and bytes."""

    pid: int
    parent: int
    name: str
    state: str
    user: float
    system: float
    children_user: float
    """Of children that it has waited for."""
    children_system: float
    faults: int
    children_faults: int
    resident: int

    @property
    def cpu(self) -> float:
        return self.user + self.system + self.children_user + self.children_system


def processes() -> dict[int, Process]:
    """All that can be seen, by number."""
    found = (_process(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit())
    return {one.pid: one for one in found if one is not None}


def _process(pid: int) -> Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended meanwhile
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    field = rest.split()
    user, system, children_user, children_system = (int(ticks) / _TICK for ticks in field[11:15])
    return Process(
        pid,
        int(field[1]),
        name,
        field[0],
        user,
        system,
        children_user,
        children_system,
        faults=int(field[7]),
        children_faults=int(field[8]),
        resident=int(field[21]) * _PAGE,
    )


def descendants(root: int | None = None) -> list[Process]:
    """The live processes that come from this one, zombies included."""
    everybody = processes()
    of: dict[int, list[Process]] = {}
    for one in everybody.values():
        of.setdefault(one.parent, []).append(one)
    return list(_below(root if root is not None else os.getpid(), of))


def _below(root: int, of: dict[int, list[Process]]) -> Iterator[Process]:
    for child in of.get(root, ()):
        yield child
        yield from _below(child.pid, of)


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds so far."""

    own: float
    ended: float
    """Of children that were waited for."""
    live: float
    """Of descendants that have not ended, their own ended children included."""

    @property
    def total(self) -> float:
        return self.own + self.ended + self.live


def spent() -> Spent:
    """Of this process and all that it has started."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    live = sum(one.cpu for one in descendants())
    return Spent(own.ru_utime + own.ru_stime, ended.ru_utime + ended.ru_stime, live)


def machine_busy() -> float:
    """CPU seconds that the whole machine has been busy since it started."""
    field = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, soft = (int(ticks) / _TICK for ticks in field[:7])
    return user + nice + system + irq + soft


def open_descriptors() -> int:
    """Of this process."""
    return len(os.listdir("/proc/self/fd")) - 1


def load() -> float:
    """The machine's load average of the last minute."""
    return os.getloadavg()[0]


def resident_mb(pid: int) -> float:
    """Memory of a process, MiB."""
    one = _process(pid)
    return 0.0 if one is None else one.resident / 2**20
