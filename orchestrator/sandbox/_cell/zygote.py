"""The process that candidates are forked from: small, single-threaded, and it never sees a program or a test.

It takes orders from the judge over a socket, with the descriptors that a child is to have, and says how each child
ended: its wait status, what it used, what it printed.
"""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import sys
import time

from . import child
from .limits import limit_self
from .scratch import empty
from .wire import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_ORDER = 1 << 16
_SHOWN = 1 << 14
"""Bytes of a candidate's output that are kept."""
_PROTOCOL, _STDIN, _STDOUT = 0, 1, 2
_CANDIDATE = 1
_NULL = "/dev/null"
_TICK = 0.02
_LARGER = 1024
"""MiB of addresses that the larger packages take by themselves."""


class Zygote:
    """Forks children, watches their limits, and tells how they ended."""

    def __init__(
        self,
        orders: socket.socket,
        more: socket.socket | None,
        packages: list[str],
        scratch: str,
        confine: Callable[[], None],
        base: int,
    ) -> None:
        self._orders, self._more, self._packages = orders, more, packages
        self._scratch, self._confine, self._cores = scratch, confine, os.cpu_count() or 1
        self._base = base
        self._children: dict[int, Child] = {}
        """By number of the order."""
        self._null = os.open(_NULL, os.O_RDWR | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(orders.fileno(), select.POLLIN)

    def serve(self) -> NoReturn:
        """Until the judge is gone; then everything ends, the kernel seeing to the children."""
        while True:
            for fd, _ in self._poll.poll(self._pause()):
                if fd == self._orders.fileno():
                    self._obey()
            self._look()

    def _pause(self) -> float | None:
        """Milliseconds until the next child could be out of time."""
        if not self._children:
            return None
        return max(0.0, min(child.patience(self._cores) for child in self._children.values())) * 1000 + 1

    def _obey(self) -> None:
        try:
            data, ancillary, _, _ = self._orders.recvmsg(_ORDER, socket.CMSG_SPACE(4 * 4))
        except OSError:
            data, ancillary = b"", []
        if not data:
            for one in self._children.values():
                one.kill("ended")
            os._exit(0)
        fds = array.array("i")
        for level, kind, body in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(body[: len(body) - len(body) % fds.itemsize])
        order = json.loads(data)
        if order[0] == "end":
            if order[1] in self._children:
                self._children[order[1]].kill("ended")
                self._reap(order[1], wait=True)
        elif order[0] == "grow":
            self._grow()
        else:
            self._start(order[1], order[2], list(fds))
        for fd in fds:
            os.close(fd)

    def _start(self, number: int, order: dict[str, Any], fds: list[int]) -> None:
        printed = os.memfd_create("output") if hasattr(os, "memfd_create") else _unnamed(self._scratch)
        try:
            pid = os.fork()
        except OSError as error:
            os.close(printed)
            self._tell([number, None, f"cannot fork: {error.strerror}", 0.0, 0, ""])
            return
        if pid == 0:
            try:
                self._become(order, fds, printed)
            finally:
                os._exit(70)
        one = Child(pid, printed, order["cpu"], order["wall"])
        self._children[number] = one
        if one.pidfd is not None:
            self._poll.register(one.pidfd, select.POLLIN)

    def _become(self, order: dict[str, Any], fds: list[int], printed: int) -> None:
        """The rest of a child's life."""
        whole = order["kind"] == "program"
        os.dup2(fds[_STDIN] if whole else self._null, 0)
        os.dup2(fds[_STDOUT] if whole else printed, 1)
        os.dup2(printed, 2)
        os.dup2(fds[_PROTOCOL], 3)
        if order["kind"] == "examine":
            os.dup2(fds[_CANDIDATE], 4)
        os.closerange(5 if order["kind"] == "examine" else 4, 1024)
        limit_self(order["memory"] + self._base, int(order["cpu"]) + 2, order["file"], 256)
        self._confine()
        random = sys.modules.get("random")
        if random is not None:
            random.seed(0)
        if order["kind"] == "program":
            child.run_program(Channel(3))
        if order["kind"] == "examine":
            from .examiner import examine

            examine(Channel(3))
        child.serve(Channel(3))

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
        Zygote(more, None, [], self._scratch, self._confine, self._base + _LARGER).serve()

    def _look(self) -> None:
        for number in list(self._children):
            self._children[number].check()
            self._reap(number, wait=False)

    def _reap(self, number: int, *, wait: bool) -> None:
        one = self._children[number]
        pid, status, usage = os.wait4(one.pid, 0 if wait else os.WNOHANG)
        if pid == 0:
            return
        del self._children[number]
        if one.pidfd is not None:
            self._poll.unregister(one.pidfd)
            os.close(one.pidfd)
        printed = os.pread(one.printed, _SHOWN, 0).decode(errors="replace")
        os.close(one.printed)
        self._clean()
        cpu = usage.ru_utime + usage.ru_stime
        self._tell([number, status, one.why, cpu, usage.ru_maxrss, printed])

    def _clean(self) -> None:
        """Leaves nothing of a candidate's for the next one; grandchildren that came to us included."""
        if self._children:
            return
        if os.getpid() == 1:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
        if os.listdir(self._scratch) and not empty(self._scratch):
            os._exit(1)  # what cannot be cleaned goes with us

    def _tell(self, what: list[Any]) -> None:
        try:
            self._orders.send(json.dumps(what).encode())
        except OSError:
            os._exit(0)


class Child:
    """A forked process, its limits and why it was ended."""

    __slots__ = ("_cpu", "_end", "pid", "pidfd", "printed", "why")

    def __init__(self, pid: int, printed: int, cpu: float, wall: float) -> None:
        self.pid, self.printed, self.why = pid, printed, ""
        self.pidfd = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        self._cpu, self._end = cpu, time.monotonic() + wall

    def patience(self, cores: int) -> float:
        """Seconds in which it cannot run out of time; short where nothing tells us of its end."""
        if self.why:
            return _TICK
        left = min(self._end - time.monotonic(), (self._cpu - self._used()) / cores)
        return left if self.pidfd is not None else min(left, _TICK)

    def check(self) -> None:
        if self.why:
            return
        if self._used() >= self._cpu:
            self.kill("cpu")
        elif time.monotonic() >= self._end:
            self.kill("wall")

    def _used(self) -> float:
        """CPU seconds so far: the clock of another process is its number, turned round, as the kernel has it."""
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except (OSError, AttributeError):
            return 0.0

    def kill(self, why: str) -> None:
        self.why = why
        try:
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
    rehearsing = child.Candidate(Channel(ours.fileno()))
    for _ in range(_REHEARSALS):
        for request in (["load", _REHEARSAL, ["f"]], ["calls", [["f", [1]], ["f", ["a"]]]]):
            judge.send(request)
            rehearsing.answer(rehearsing.receive())
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


def _unnamed(folder: str) -> int:
    """A file without a name, where the system has no memory files."""
    import tempfile

    fd, path = tempfile.mkstemp(dir=folder)
    os.unlink(path)
    return fd
