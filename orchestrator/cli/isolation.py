"""How far programs are kept apart on this machine, and what would keep them further apart."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.sandbox import Isolation
    from orchestrator.types import Json

PROTECTS = 3
"""The level from which hostile programs find files, network and other processes closed."""

ABOUT: Mapping[int, str] = {
    0: "a plain subprocess; nothing stops a hostile program",
    1: "limits on time, memory and output; that stops accidents, not hostile code",
    2: "one of seccomp and Landlock; hostile code finds files or the network open",
    3: "seccomp and Landlock; files, the network and other processes are closed to programs",
    4: "seccomp, Landlock and namespaces; files, the network and other processes are not even there for programs",
    5: "a machine of their own",
}
"""What each level means."""

_SWITCHES = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor keeps programs without a profile from making namespaces, as on Ubuntu from 23.10 on: "
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile with `userns,` for {python}",
    ),
    ("kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=15000"),
)
"""Settings under /proc/sys that forbid namespaces, the value that does, and what to do about it."""

_CONTAINERS = (".dockerenv", "run/.containerenv")
"""What Docker and Podman leave in a container."""


def isolation_json(isolation: Isolation | None) -> dict[str, Json] | None:
    """As results hold it; `None` where no program was run."""
    if isolation is None:
        return None
    return {
        "level": isolation.level,
        "mechanisms": dict(isolation.mechanisms),
        "not_enforced": list(isolation.not_enforced),
    }


def level_of(isolation: Mapping[str, Json]) -> int:
    """The level in what results hold; 0 where it is not told."""
    level = isolation.get("level")
    return level if isinstance(level, int) else 0


def advice(isolation: Isolation, root: Path = Path("/"), platform: str = sys.platform) -> tuple[str, ...]:
    """What the user can do to have programs kept further apart, a line each, the most helpful first.

    Args:
        root: where /proc and /sys are looked for.
        platform: as in `sys.platform`.
    """
    if platform == "darwin":
        return ("macOS has neither seccomp nor Landlock: a Linux container (docker, podman) or a virtual machine has",)
    if platform != "linux":
        return ("run this in WSL 2 or in a Linux container",)
    return tuple(_missing(isolation, root))


def _missing(isolation: Isolation, root: Path) -> Iterator[str]:
    have = isolation.mechanisms
    if not have.get("landlock_abi"):
        yield f"no Landlock{_why(isolation, 'landlock')}: {_for_landlock(root)}"
    if not have.get("seccomp"):
        needed = "the kernel needs CONFIG_SECCOMP_FILTER, and no sandbox around this that forbids them"
        yield f"no seccomp filters{_why(isolation, 'seccomp')}: {needed}"
    if not all(have.get(name) for name in ("pidns", "netns", "mountns")):
        yield f"no namespaces{_why(isolation, 'namespaces')}: {_for_namespaces(root)}"


def _why(isolation: Isolation, layer: str) -> str:
    reason = isolation.reasons.get(layer)
    return f" ({reason})" if reason else ""


def _for_namespaces(root: Path) -> str:
    for name, forbids, remedy in _SWITCHES:
        if _text(root / "proc/sys" / name) == forbids:
            return remedy.format(python=sys.executable)
    if any((root / name).exists() for name in _CONTAINERS):
        return (
            "this is a container, and the default profile of Docker forbids them; "
            "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined allows them, and opens the container itself; level 3 holds without"
        )
    return "the kernel, or a sandbox around this, forbids them; level 3 holds without"


def _for_landlock(root: Path) -> str:
    modules = _text(root / "sys/kernel/security/lsm")
    if modules and "landlock" not in modules.split(","):
        return f"add it to the kernel's command line, lsm=landlock,{modules}"
    return "it needs Linux 5.13, CONFIG_SECURITY_LANDLOCK, and in a container a runtime from 2022 or later"


def _text(path: Path) -> str:
    """A short file of the kernel's; empty where it is not there or not to be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
