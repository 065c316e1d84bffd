"""Puts the layers around the processes of a sandbox, and says which are in force."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NULL = ("/dev/null", "/dev/urandom", "/dev/zero")


class Confinement:
    """What has worked so far, by mechanism."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._without = set(settings["without"])
        self.mechanisms: dict[str, Any] = {"rlimits": True}

    def of_all(self) -> None:
        """Namespaces, before the zygote is forked."""
        if "namespaces" not in self._without:
            from . import namespaces

            self.mechanisms.update(namespaces.enter(self._settings["scratch"], 64, 4096))

    def of_zygote(self) -> Callable[[], None]:
        """Confines the zygote; returns what a child has yet to do for itself."""
        from . import libc, seccomp

        libc.prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: without the judge there is nothing to do
        self._landlock([self._settings["scratch"]])
        if "seccomp" in self._without:
            return lambda: None
        filter_ = seccomp.prepared_candidate()
        seccomp.install(seccomp.zygote_program())
        return lambda: filter_.install(os.getpid())

    def of_judge(self) -> None:
        from . import seccomp

        self.mechanisms["landlock_abi"] = self._landlock([])
        if "seccomp" not in self._without:
            seccomp.install(seccomp.judge_program())
            self.mechanisms["seccomp"] = True

    def _landlock(self, writable: list[str]) -> int:
        from . import landlock

        if "landlock" in self._without:
            return 0
        return landlock.restrict([*self._settings["readable"], *_NULL], [*writable, "/dev/null"])

    def report(self) -> dict[str, Any]:
        return {"mechanisms": self.mechanisms}
