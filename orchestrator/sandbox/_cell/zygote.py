"""The process that candidates are forked from: small, single-threaded, and it never sees a program or a test.

It takes orders from the judge over a socket, with the descriptors that a child is to have, and says how each child
ended: its wait status, what it used, what it printed.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

from . import child, memory, whole
from .limits import limit_all, limit_one
from .orders import Inbox
from .scratch import empty
from .wire import LARGEST, Channel, Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_SHOWN = 1 << 14
"""Bytes of a candidate's output that are kept."""
_PROTOCOL, _STDIN, _STDOUT = 0, 1, 2
_CANDIDATE = 1
_NULL = "/dev/null"
_TICK = 0.002
_LOOK = 0.05
"""Seconds between looks at a child's memory, where one has to look."""
_FILES = 256
_LARGER = 1024
"""MiB of addresses that the larger packages take by themselves."""


class Zygote:
    """Forks children, watches their limits, and tells how they ended.

    All that it writes to after a fork is copied for it, so it does little, and keeps little.
    """

    def __init__(
        self,
        orders: socket.socket,
        more: socket.socket | None,
        packages: list[str],
        scratch: str,
        confine: Callable[[int | None], None],
        base: int,
        *,
        forks: bool = False,
    ) -> None:
        self._orders, self._more, self._packages = orders, more, packages
        self._inbox, self._judge = Inbox(orders), Channel(orders.fileno())
        self._scratch, self._confine, self._cores = scratch, confine, os.cpu_count() or 1
        self._base, self._pid, self._forks = base, os.getpid(), forks
        self._children: dict[int, Child] = {}
        """By number of the order."""
        self._null = os.open(_NULL, os.O_RDWR | os.O_CLOEXEC)
        self._spare: list[int] = []
        """Files for what children print, empty."""
        self._next = 0.0
        """When to look at the children, by the clock."""
        self._candidate = child.Candidate(Channel(3, sends=LARGEST))
        """What most children are; the descriptor will be theirs."""
        self._poll = select.poll()
        self._poll.register(orders.fileno(), select.POLLIN)
        self._bounded = sys.platform != "darwin"
        """Whether a limit of the system's holds a child's memory; else it is looked at from time to time."""
        limit_all(_FILES)

    def serve(self) -> NoReturn:
        """Until the judge is gone; then everything ends, the kernel seeing to the children."""
        poll, now = self._poll.poll, time.monotonic
        while True:
            if poll(max(0.0, (self._next - now()) * 1000 + 1) if self._children else None):
                self._obey()
            else:
                self._look()

    def _obey(self) -> None:
        inbox = self._inbox
        while True:
            found = inbox.next()
            if found is None:
                for one in self._children.values():
                    one.kill("ended")
                os._exit(0)
            self._do(*found)
            if not inbox.waiting:
                return

    def _do(self, order: list[Any], fds: list[int]) -> None:
        what = order[0]
        if what == "end":
            if order[1] in self._children:
                self._children[order[1]].kill("ended")
                self._reap(order[1], 0)
        elif what == "start":
            self._start(order, fds)
        elif what == "await":
            if order[1] in self._children:
                self._children[order[1]].awaited = True
                self._next = 0.0
        else:
            self._grow()

    def _start(self, order: list[Any], fds: list[int]) -> None:
        """Forks a child: `[.., number, kind, CPU seconds, wall seconds, MiB of memory, MiB of a file]`."""
        printed = self._spare.pop() if self._spare else memory.file("output")
        try:
            pid = os.fork()
        except OSError as error:
            self._spare.append(printed)
            self._tell([order[1], None, f"cannot fork: {error.strerror}", 0.0, 0, ""])
            return
        if pid == 0:
            try:
                self._become(order, fds, printed)
            finally:
                os._exit(70)
        for fd in fds:
            os.close(fd)
        one = self._children[order[1]] = Child(pid, printed, order[3], order[4])
        one.leads = self._forks
        if not self._bounded:
            one.most_mb = float(order[5])
        soon = one.end if self._bounded else min(one.end, one.end - order[4] + _LOOK)
        soon = min(soon, one.end - order[4] + order[3] / self._cores)
        self._next = soon if len(self._children) == 1 else min(soon, self._next)

    def _become(self, order: list[Any], fds: list[int], printed: int) -> None:
        """The rest of a child's life."""
        kind = order[2]
        dup2 = os.dup2
        dup2(fds[_STDIN] if kind == "program" else self._null, 0)
        dup2(fds[_STDOUT] if kind == "program" else printed, 1)
        dup2(printed, 2)
        dup2(fds[_PROTOCOL], 3)
        if kind == "examine":
            dup2(fds[_CANDIDATE], 4)
        os.closerange(5 if kind == "examine" else 4, 1024)
        limit_one(order[5] + self._base, int(order[3]) + 2, order[6])
        if self._forks:
            os.setsid()
        self._confine(self._pid)
        if kind == "serve":
            self._candidate.serve()
        self._be(kind)

    def _be(self, kind: str) -> NoReturn:
        channel = Channel(3, sends=LARGEST)
        if kind == "program":
            whole.run(channel)
        if kind == "read":
            from . import reader

            reader.serve(channel)
        from .examiner import examine

        examine(channel)

    def _grow(self) -> None:
        """A second zygote, which has the larger packages, for programs that name them; it obeys on its own socket."""
        more, self._more = self._more, None
        if more is None:
            return
        if os.fork() != 0:
            more.close()
            return
        self._orders.close()
        for name in self._packages:
            try:
                __import__(name)
            except Exception:  # programs that import it will say so themselves
                continue
        settle()
        Zygote(more, None, [], self._scratch, self._confine, self._base + _LARGER, forks=self._forks).serve()

    def _look(self) -> None:
        """Ends children that are out of time, takes note of those that have ended; says when to look again."""
        for number in list(self._children):
            one = self._children[number]
            one.check()
            if one.awaited or one.why:
                self._reap(number, os.WNOHANG)
        waits = [one.patience(self._cores) for one in self._children.values()]
        self._next = time.monotonic() + min(waits, default=0.0)

    def _reap(self, number: int, options: int) -> None:
        one = self._children[number]
        pid, status, usage = os.wait4(one.pid, options)
        if pid == 0:
            return
        del self._children[number]
        printed = ""
        if os.lseek(one.printed, 0, os.SEEK_END):
            printed = os.pread(one.printed, _SHOWN, 0).decode(errors="replace")
            os.lseek(one.printed, 0, os.SEEK_SET)
            os.ftruncate(one.printed, 0)
        self._spare.append(one.printed)
        if not self._children:
            self._clean()
        self._tell([number, status, one.why, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, printed])

    def _clean(self) -> None:
        """Leaves nothing of a candidate's for the next one; grandchildren that came to us included."""
        if self._pid == 1:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
        if os.listdir(self._scratch) and not empty(self._scratch):
            os._exit(1)  # what cannot be cleaned goes with us

    def _tell(self, what: list[Any]) -> None:
        try:
            self._judge.send(what)
        except Ended:
            os._exit(0)


class Child:
    """A forked process, its limits and why it was ended."""

    __slots__ = ("_cpu", "awaited", "end", "leads", "most_mb", "pid", "printed", "why")

    def __init__(self, pid: int, printed: int, cpu: float, wall: float) -> None:
        self.pid, self.printed, self.why = pid, printed, ""
        self.awaited = False
        """Whether somebody waits for its end, and does not end it himself."""
        self.leads = False
        """Whether it may have children, which are then of a group with it."""
        self.most_mb: float | None = None
        """Memory to be watched, MiB."""
        self._cpu, self.end = cpu, time.monotonic() + wall

    def patience(self, cores: int) -> float:
        """Seconds in which it cannot run out of time; few where it may end any moment and somebody waits for that."""
        if self.why or self.awaited:
            return _TICK
        left = min(self.end - time.monotonic(), (self._cpu - self._used()) / cores)
        return left if self.most_mb is None else min(left, _LOOK)

    def check(self) -> None:
        if self.why:
            return
        if self._used() >= self._cpu:
            self.kill("cpu")
        elif time.monotonic() >= self.end:
            self.kill("wall")
        elif self.most_mb is not None and memory.resident_mb(self.pid) > self.most_mb:
            self.kill("memory")

    def _used(self) -> float:
        """CPU seconds so far: the clock of another process is its number, turned round, as the kernel has it."""
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except (OSError, AttributeError):
            return 0.0

    def kill(self, why: str) -> None:
        self.why = self.why or why  # it is killed for the first reason, whoever gives up on it later
        try:
            if self.leads:
                os.killpg(self.pid, signal.SIGKILL)
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def settle() -> None:
    """Makes what is there now cheap to fork.

    What a child does first is done here before, several times: the interpreter builds its tables and rewrites its
    code on first use, and every page that a child writes to is copied for it.
    """
    import gc

    ours, theirs = socket.socketpair()
    judge = Channel(theirs.fileno())
    candidate = Channel(ours.fileno())
    rehearsing = child.Candidate(candidate)
    for _ in range(_REHEARSALS):
        for request in (["load", _REHEARSAL, ["f"]], ["calls", [["f", [1]], ["f", ["a"]]]]):
            judge.send(request)
            rehearsing.answer(candidate.receive())
        for _ in range(3):
            judge.receive()
    ours.close()
    theirs.close()
    del sys.modules["candidate"]
    gc.collect()
    gc.freeze()


_REHEARSALS = 20
_REHEARSAL = """
import math
from typing import List, Optional


def f(x: List[int]) -> Optional[int]:
    \"\"\"Adds.\"\"\"
    found = {i: str(i) for i in range(x)}
    return sorted([len(found), math.floor(x + 0.5)])[0] if x else None
"""


def address_space() -> int:
    """MiB of addresses that this process has taken; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE") >> 20
    except OSError:
        return 0
