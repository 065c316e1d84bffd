"""The first process of a sandbox: confines itself, forks the zygote, and becomes the judge.

Started as a script with its settings, JSON, as its argument; talks to the host over standard input and output.
"""

from __future__ import annotations

import builtins
import json
import os
import signal
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .layers import Confinement

_STANDARD = (
    "math",
    "re",
    "typing",
    "collections",
    "itertools",
    "functools",
    "heapq",
    "bisect",
    "string",
    "operator",
    "copy",
    "datetime",
)
"""What most programs import, imported before they are forked; each costs every candidate some pages. `random` is not
among them: it does something after every fork."""


def main() -> None:
    settings = json.loads(sys.argv[1])
    _keep_to(settings.get("core"))
    host_in, host_out = _channel()
    from . import orders as between
    from .layers import Confinement

    orders, theirs = between.pair()
    more, more_theirs = between.pair()

    confinement = Confinement(settings)
    confinement.of_all()
    if os.fork() == 0:
        for fd in (host_in, host_out):
            os.close(fd)
        orders.close()
        more.close()
        _zygote(theirs, more_theirs, settings, confinement)
    theirs.close()
    more_theirs.close()
    _judge(host_in, host_out, orders, more, settings, confinement)


def _keep_to(core: int | None) -> None:
    if core is not None and hasattr(os, "sched_setaffinity"):
        try:
            os.sched_setaffinity(0, {core})
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        except OSError:  # in a container cores may be others
            return


def _channel() -> tuple[int, int]:
    """The host's ends, moved away from where programs look for them."""
    host_in, host_out = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    os.close(null)
    return host_in, host_out


def _zygote(orders: socket.socket, more: socket.socket, settings: dict[str, Any], confinement: Confinement) -> None:
    for name in _STANDARD:
        __import__(name)
    from . import packages
    from .zygote import Zygote, address_space, settle

    packages.install(settings["packages"])
    sys.argv[:] = ["program"]
    for name in ("exit", "quit"):
        setattr(builtins, name, _leave)
    base = address_space()
    forks = not confinement.mechanisms()["seccomp"]
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # programs print long numbers; how long it takes is limited anyway
    confine = confinement.of_zygote()
    os.chdir(settings["scratch"])
    settle()
    Zygote(orders, more, list(settings["packages"]), settings["scratch"], confine, base, forks=forks).serve()


def _judge(
    host_in: int,
    host_out: int,
    orders: socket.socket,
    more: socket.socket,
    settings: dict[str, Any],
    confinement: Confinement,
) -> None:
    from . import judge, packages, processes
    from .wire import Channel

    packages.install(settings["packages"])
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(_DIGITS)
    confinement.of_judge()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    host = Channel(host_in, host_out)
    host.send(["ready", {**confinement.report(), "pace": _pace() if settings["calibrate"] else 1.0}])
    judge.Judge(host, processes.Processes(host_in, orders, more, list(settings["packages"]))).serve()
    for one in (orders, more):
        one.close()
    os.wait()  # the zygote, which ends now


def _leave(code: object = None) -> None:
    """`exit` and `quit`, which interpreters have that are started in the usual way."""
    raise SystemExit(code)


_DIGITS = 100_000
"""Decimal digits of a number that a test may read or write; more would take the judge too long."""
_ROUNDS = 3
_LOOP = 100_000
_USUAL = 0.006
"""CPU seconds that the loop takes on the slowest machine for which limits are meant as they are."""


def _pace() -> float:
    """How many times more CPU time than usual a fixed loop takes here, the best of some rounds."""
    import time

    best = float("inf")
    for _ in range(_ROUNDS):
        start, total = time.process_time(), 0
        for number in range(_LOOP):
            total += number & 3
        best = min(best, time.process_time() - start)
    return round(best / _USUAL, 2)
