"""How far programs are kept apart, out of what a worker says it has put in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .execution import Isolation

_NAMESPACES = ("userns", "pidns", "netns", "mountns", "ipcns")


def isolation_of(ready: Mapping[str, Any]) -> Isolation:
    """The level that a worker reaches, from its own report."""
    have = dict(ready["mechanisms"])
    files, calls = bool(have.get("landlock_abi")), bool(have.get("seccomp"))
    apart = all(have.get(name) for name in ("pidns", "netns", "mountns"))
    level = 1 if have.get("rlimits") else 0
    if files or calls:
        level = 2
    if files and calls:
        level = 4 if apart else 3
    return Isolation(level, have, tuple(_open(have, files, calls)))


def _open(have: Mapping[str, Any], files: bool, calls: bool) -> list[str]:
    found = []
    if not files and not have.get("mountns"):
        found.append("files")
    if not calls and not have.get("netns"):
        found.append("network")
    if not calls:
        found.append("processes")
    if not calls and not have.get("cgroup"):
        found.append("tree_memory")
    if not have.get("mountns"):
        found.append("scratch_size")
    return found
