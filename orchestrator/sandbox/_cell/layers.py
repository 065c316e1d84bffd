"""The layers around the processes of a sandbox: which of them work here is found out by trying, never by versions."""

from __future__ import annotations

import os
import sys
from functools import partial

from .trials import of_landlock, of_limits, of_plan, of_seccomp, tried

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .namespaces import Plan

NAMES = ("namespaces", "mounts", "nobody", "landlock", "seccomp")
"""What can be left out on purpose."""
SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/nix/store",
    "/etc/localtime",
    "/etc/ld.so.cache",
)
"""What Python needs of the system beside its own files."""
_DEVICES = ("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SCRATCH_MB, _INODES = 64, 4096
_THREADS = 512
"""Threads of a candidate and all that runs beside it in its sandbox."""


class Confinement:
    """Finds the layers, puts them around the worker, the zygote and the judge, and says which are in force."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Tries all layers in throw-away children of this process, which must have a single thread.

        Args:
            settings: `scratch`, an empty folder; `paths` and `readable`, more places that programs may read from;
                `without`, names of layers to leave out; `given`, mechanisms that are around this process already.
        """
        self._scratch = settings["scratch"]
        self._readable = _readable((*settings.get("paths", ()), *settings.get("readable", ())))
        self._read, self._written = [*self._readable, *_DEVICES], [self._scratch, "/dev/null"]
        self._without = frozenset(settings.get("without", ()))
        self._given = dict(settings.get("given", {}))
        self.reasons: dict[str, str] = {}
        self._threads = False
        self._plan = self._found_plan()
        self._landlock: int = self._tried("landlock", partial(of_landlock, self._read, self._written)) or 0
        self._seccomp = bool(self._tried("seccomp", of_seccomp))
        lacking = self._tried("rlimits", of_limits)
        self._lacking: list[str] = ["memory", "cpu", "files", "open_files", "core"] if lacking is None else lacking

    # -- putting them on --------------------------------------------------------------------

    def of_all(self) -> None:
        """Namespaces; the process that is forked next is to be the zygote.

        Raises:
            OSError: what has just worked in a child does not work here.
        """
        if self._plan is not None:
            self._plan.enter(self._scratch, _SCRATCH_MB, _INODES, self._readable)

    def of_zygote(self) -> Callable[[int | None], None]:
        """Confines the zygote; returns what each of its children has yet to do for itself, as its last step.

        Raises:
            OSError: what has just worked in a child does not work here.
        """
        if self._plan is not None:
            self._plan.settle(first=True)
            if self._plan.counted:
                import resource

                resource.setrlimit(resource.RLIMIT_NPROC, (_THREADS, _THREADS))  # of its children's too, all together
        if self._landlock:
            from . import landlock

            landlock.restrict(self._read, self._written)
        if self._seccomp:
            from . import seccomp

            seccomp.install(seccomp.zygote_program(own_files=self._plan is not None and self._plan.mounts))
        return self._of_child()

    def _of_child(self) -> Callable[[int | None], None]:
        steps: list[Callable[[], None]] = []
        watched = False
        if self._plan is not None and not self._plan.namespaces:
            watched = True
        if self._seccomp:
            from . import seccomp

            prepared = seccomp.prepared_candidate()
            steps.append(lambda: prepared.install(os.getpid()))

        def confine(zygote: int | None = None) -> None:
            if watched:
                _die_with(zygote)
            for step in steps:
                step()

        return confine

    def of_judge(self) -> None:
        """Confines the judge, which writes no files.

        Raises:
            OSError: what has just worked in a child does not work here.
        """
        if self._plan is not None:
            self._plan.settle(first=False)
        if self._landlock:
            from . import landlock

            landlock.restrict(self._read, ["/dev/null"])
        if self._seccomp:
            from . import seccomp

            seccomp.install(seccomp.judge_program())

    # -- saying what is in force ------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """`level`, `mechanisms`, `not_enforced`, and `reasons` for what is not in force, as data."""
        mechanisms = self.mechanisms()
        level, open_ = rated(mechanisms)
        return {
            "level": level,
            "mechanisms": mechanisms,
            "not_enforced": [*self._lacking, *open_],
            "reasons": self.reasons,
        }

    def mechanisms(self) -> dict[str, bool | int | str]:
        """By name, what is in force."""
        plan = self._plan
        inside = plan is not None and plan.namespaces
        found: dict[str, bool | int | str] = {
            "rlimits": "memory" not in self._lacking or "cpu" not in self._lacking,
            "no_new_privs": bool(self._seccomp or self._landlock),
            "seccomp": self._seccomp,
            "landlock_abi": self._landlock,
            "userns": inside and plan is not None and not plan.privileged,
            "pidns": inside,
            "netns": inside,
            "ipcns": inside,
            "mountns": inside and plan is not None and plan.mounts,
            "nobody": os.name == "posix" and (os.geteuid() != 0 or (plan is not None and plan.nobody)),
            "thread_limit": _THREADS if self._threads else 0,
        }
        return {**found, **self._given}

    # -- trying -----------------------------------------------------------------------------

    def _found_plan(self) -> Plan | None:
        """The best plan that works; none where the system knows no such thing."""
        if sys.platform != "linux":
            self.reasons["namespaces"] = f"{sys.platform} has none"
            return None
        try:
            from . import libc, namespaces

            libc.load()  # its files may be out of reach later
        except (ImportError, OSError) as error:
            self.reasons["namespaces"] = str(error)
            return None
        for plan in namespaces.plans():
            if self._without.intersection(plan.layers()):
                continue
            answer, reason = tried(partial(of_plan, plan, self._scratch, _SCRATCH_MB, _INODES, self._readable))
            if answer is not None:
                self._threads = bool(answer)
                return plan
            self.reasons.setdefault("namespaces", reason)
        return None

    def _tried(self, name: str, attempt: Callable[[], Any]) -> Any:
        if name in self._without:
            self.reasons[name] = "left out"
            return None
        answer, reason = tried(attempt)
        if answer is None:
            self.reasons[name] = reason
        return answer


def _die_with(zygote: int | None) -> None:
    """Without a pid namespace, this is what ends a child whose zygote was killed."""
    from . import libc

    libc.prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if zygote is not None and os.getppid() != zygote:
        os._exit(1)


def _readable(more: Iterable[str]) -> list[str]:
    """Where Python and the libraries of the system lie, and what the host names."""
    own = (os.path.dirname(os.__file__), os.path.dirname(os.path.abspath(__file__)), f"{sys.base_prefix}/lib")
    return sorted({os.path.abspath(path) for path in (*SYSTEM, *own, *sys.path, *more) if path})


def rated(mechanisms: Mapping[str, bool | int | str]) -> tuple[int, list[str]]:
    """The level of isolation, 0 to 4, that the mechanisms amount to, and what none of them stops."""
    calls = bool(mechanisms.get("seccomp"))
    files = bool(mechanisms.get("landlock_abi") or mechanisms.get("mountns") or mechanisms.get("seatbelt"))
    network = bool(calls or mechanisms.get("netns") or mechanisms.get("seatbelt"))
    apart = bool(mechanisms.get("pidns") and mechanisms.get("netns") and mechanisms.get("mountns"))
    level = 1 if mechanisms.get("rlimits") else 0
    if calls or files:
        level = 2
    if calls and files:
        level = 4 if apart else 3
    enforced = {
        "files_outside": files,
        "network": network,
        "signals": calls or mechanisms.get("pidns") or int(mechanisms.get("landlock_abi") or 0) >= 6,
        "processes": calls,
        "tree_memory": calls or mechanisms.get("memory_limit"),
        "threads": mechanisms.get("thread_limit") or mechanisms.get("pids_limit"),
        "scratch_size": mechanisms.get("mountns"),
    }
    return level, [name for name, stopped in enforced.items() if not stopped]
