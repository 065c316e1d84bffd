"""The processes that the zygote forks for the judge: started by an order, ended by another, ruled on by the kernel."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

from .failures import Gone
from .orders import send
from .remote import Remote
from .wire import LARGEST, Channel, Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SHOWN = 2000
_LEFT = 0.05
"""Seconds, of CPU or wall, below which a candidate is not started once more."""


class Processes:
    """Has processes forked, from the zygote that has the packages that a program names."""

    def __init__(self, host: int, orders: socket.socket, more: socket.socket, packages: list[str]) -> None:
        self._host, self._orders, self._more, self._packages = host, orders, more, packages
        self._channels = {one: Channel(one.fileno()) for one in (orders, more)}
        self._grown = False
        self._count = 0
        self._reports: dict[int, list[Any]] = {}
        """By number of the order, what was told of a process before somebody asked."""

    def witness(self, job: dict[str, Any], kind: str = "serve", more: tuple[int, ...] = ()) -> Witness:
        """A process that answers over a socket; `more` are descriptors that it gets beside that."""
        ours, theirs = socket.socketpair()
        try:
            exit_ = self.start(job, kind, [theirs.fileno(), *more])
        finally:
            theirs.close()
        return Witness(ours, exit_, self.waiting(ours.fileno()))

    def start(self, job: dict[str, Any], kind: str, fds: list[int]) -> Exit:
        """Has a process forked that has these descriptors."""
        self._count += 1
        orders = self._zygote(job["program"])
        order = ["start", self._count, kind, job["cpu"], job["wall"], job["memory"], job["output"]]
        send(orders, order, fds)
        return Exit(orders, self._channels[orders], self._reports, self._count, job)

    def _zygote(self, program: str) -> socket.socket:
        if not any(name in program for name in self._packages):
            return self._orders
        if not self._grown:
            send(self._orders, ["grow"])
            self._grown = True
        return self._more

    def waiting(self, fd: int) -> Callable[[], None]:
        """What to call before a read that may block: returns when there is something to read, or raises `Gone`.

        The host says something during a job only to cancel it.
        """
        both = select.poll()
        both.register(fd, select.POLLIN)
        both.register(self._host, select.POLLIN)
        host, poll, give_way = self._host, both.poll, getattr(os, "sched_yield", _nothing)

        def wait() -> None:
            give_way()  # to a process on the same core, which may then answer more than once before it is read
            for ready, _ in poll():
                if ready == host:
                    raise Gone

        return wait


def _nothing() -> None:
    """Where there is no such call."""


class Exit:
    """How a forked process will end, which the zygote tells."""

    def __init__(
        self,
        orders: socket.socket,
        channel: Channel,
        reports: dict[int, list[Any]],
        number: int,
        job: dict[str, Any],
    ) -> None:
        self._orders, self._channel, self._reports = orders, channel, reports
        self._number, self._job = number, job
        self._started = time.monotonic()

    def end(self) -> dict[str, Any]:
        """Has the process killed if it lives; see `awaited`."""
        send(self._orders, ["end", self._number])
        return self._usage()

    def awaited(self) -> dict[str, Any]:
        """Lets the process come to its end; what the kernel says of it, and what it took."""
        send(self._orders, ["await", self._number])
        return self._usage()

    def _usage(self) -> dict[str, Any]:
        while self._number not in self._reports:
            try:
                number, *report = self._channel.receive()
            except Ended:
                os._exit(3)  # without a zygote there is nothing left to do here
            self._reports[number] = report
        status, why, cpu, peak, printed = self._reports.pop(self._number)
        return {
            "status": status,
            "why": why,
            "cpu": cpu,
            "wall": time.monotonic() - self._started,
            "peak": peak / (2**20 if sys.platform == "darwin" else 2**10),
            "printed": printed[:_SHOWN],
            "ruling": ruling(status, why, cpu, peak, self._job),
        }


def ruling(status: int | None, why: str, cpu: float, peak: int, job: dict[str, Any]) -> tuple[str, str]:
    """Verdict and detail for a process that ended of itself, was killed or ran out of something."""
    if status is None:
        return "error", why
    if why == "cpu":
        return "timeout", f"more than {job['cpu']:g} s of CPU time"
    if why == "memory":
        return "memory", f"more than {job['memory']} MiB"
    if why == "wall":
        return "timeout", f"not done after {job['wall']:g} s"
    if os.WIFSIGNALED(status):
        return _signalled(os.WTERMSIG(status), cpu, peak, job)
    if peak / 2**10 > 0.8 * job["memory"]:  # there was none left to raise with
        return "memory", "out of memory"
    return "error", f"the program ended itself with status {os.waitstatus_to_exitcode(status)}"


def _signalled(number: int, cpu: float, peak: int, job: dict[str, Any]) -> tuple[str, str]:
    name = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
    if number == signal.SIGXCPU or (number == signal.SIGKILL and cpu >= job["cpu"]):
        return "timeout", f"more than {job['cpu']:g} s of CPU time"
    if number == getattr(signal, "SIGSYS", None):
        return "violation", "a system call that is denied"
    if number == signal.SIGXFSZ:
        return "output", "a file grew too large"
    if number == signal.SIGKILL and peak / 2**10 > 0.8 * job["memory"]:
        return "memory", "out of memory"
    return "crashed", name


class Witness:
    """A forked process that we talk to."""

    def __init__(self, ours: socket.socket, exit_: Exit, wait: Any) -> None:
        self._ours, self._exit = ours, exit_
        self.remote = Remote(Channel(ours.fileno(), takes=LARGEST), wait)

    def end(self) -> dict[str, Any]:
        self._ours.close()
        return self._exit.end()


def rest(job: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    """A job with what a process has left of its limits."""
    return {**job, "cpu": job["cpu"] - usage["cpu"], "wall": job["wall"] - usage["wall"]}


def is_enough(job: dict[str, Any]) -> bool:
    """Whether a job has time left for another process."""
    return bool(job["cpu"] > _LEFT and job["wall"] > _LEFT)
