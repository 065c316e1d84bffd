"""Trying the layers, each in a process that is thrown away."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .namespaces import Plan


def tried(attempt: Callable[[], Any]) -> tuple[Any, str]:
    """What the attempt returns in a child of its own, data that is not None; or None, and the reason in one line."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said: list[Any] = [None, "ended without a word"]
        try:
            said = [attempt(), ""]
        except BaseException as error:
            said[1] = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        finally:
            os.write(writing, json.dumps(said).encode())
            os._exit(0)
    os.close(writing)
    text = b""
    while chunk := os.read(reading, 4096):
        text += chunk
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if not text:
        return None, f"the trial ended with status {os.waitstatus_to_exitcode(status)}"
    answer, reason = json.loads(text)
    return answer, reason


def of_plan(plan: Plan, scratch: str, size_mb: int, inodes: int, readable: Sequence[str]) -> bool:
    """Goes through with a plan, for the zygote and for the judge; whether threads are counted apart.

    Raises:
        OSError: something of it does not work, or Python is out of reach with it.
    """
    there = [path for path in readable if os.access(path, os.R_OK)]
    plan.enter(scratch, size_mb, inodes, readable)

    def zygote() -> bool:
        plan.settle(first=True)
        if plan.namespaces and os.getpid() != 1:
            raise OSError("the pid namespace has no effect")
        _look(there)
        os.close(os.open(f"{scratch}/.trial", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(f"{scratch}/.trial")
        return plan.counted

    counted, reason = tried(zygote)
    if counted is None:
        raise OSError(reason)
    plan.settle(first=False)
    _look(there)
    return bool(counted)


def of_landlock(readable: Sequence[str], writable: Sequence[str]) -> int:
    """The version that is in force. Raises OSError if there is none, or if it has no effect."""
    from . import landlock

    abi = landlock.restrict(readable, writable)
    _look([os.__file__])
    _refused(lambda: os.listdir("/"))
    return abi


def of_seccomp() -> bool:
    """Raises OSError if there is none, or if it has no effect."""
    from . import seccomp

    seccomp.install(seccomp.zygote_program())
    seccomp.prepared_candidate().install(os.getpid())
    _refused(os.setsid)
    _refused(lambda: os.kill(os.getppid(), 0))
    _refused(lambda: os.chmod(os.__file__, 0o644))
    return True


def of_limits() -> list[str]:
    """What is not enforced."""
    from . import limits

    return list(limits.limit_self(8192, 3600, 8192, 256))


def _refused(attempt: Callable[[], Any]) -> None:
    try:
        attempt()
    except PermissionError:
        return
    raise OSError("it has no effect")


def _look(paths: Sequence[str]) -> None:
    for path in paths:
        if not os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0)):
            raise PermissionError(f"{path} cannot be read")
    with open(os.__file__, "rb") as file:
        file.read(1)
