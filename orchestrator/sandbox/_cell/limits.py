"""Limits of a single process, as far as the system has them."""

from __future__ import annotations

import sys

MIB = 2**20


def limit_self(
    memory_mb: int, cpu_seconds: int, file_mb: int, open_files: int, threads: int | None = None
) -> tuple[str, ...]:
    """Bounds the calling process for good; never above the limits it already has, and never fatal.

    Args:
        memory_mb: address space, all of it.
        cpu_seconds: after which the kernel kills it, in a pid namespace too.
        file_mb: size of each file it writes.
        open_files: descriptors.
        threads: threads and processes of this user in this user namespace, all counted; only for a user that nobody
            else uses. Not enforced for root.

    Returns:
        What is not enforced, of `memory cpu files open_files threads core`.
    """
    import resource

    infinity = resource.RLIM_INFINITY
    wanted = [
        ("memory", "RLIMIT_AS", memory_mb * MIB),
        ("cpu", "RLIMIT_CPU", max(cpu_seconds, 1)),
        ("files", "RLIMIT_FSIZE", file_mb * MIB),
        ("open_files", "RLIMIT_NOFILE", open_files),
        ("core", "RLIMIT_CORE", 0),
    ]
    if threads is not None:
        wanted.append(("threads", "RLIMIT_NPROC", threads))
    lacking = []
    for name, limit, value in wanted:
        number = getattr(resource, limit, None)
        if number is None or (name == "memory" and sys.platform == "darwin"):  # there it is ignored or refused
            lacking.append(name)
            continue
        _, hard = resource.getrlimit(number)
        bound = value if hard == infinity else min(value, hard)
        try:
            # Soft and hard at once: a kill by the kernel cannot be caught, and nothing can raise it again.
            resource.setrlimit(number, (bound, bound))
        except (ValueError, OSError):
            lacking.append(name)
    return tuple(lacking)


def limit_all(open_files: int) -> None:
    """Bounds, for the calling process and what it forks, what is the same for all of them."""
    import resource

    for number, value in ((resource.RLIMIT_NOFILE, open_files), (resource.RLIMIT_CORE, 0)):
        _bound(number, value)


def limit_one(memory_mb: int, cpu_seconds: int, file_mb: int) -> None:
    """The rest of `limit_self`, in few steps, for processes that are forked by the thousand."""
    resource = sys.modules["resource"]
    set_ = resource.setrlimit
    try:
        if _HAS_MEMORY_LIMIT:
            set_(resource.RLIMIT_AS, (memory_mb * MIB, memory_mb * MIB))
        set_(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        set_(resource.RLIMIT_FSIZE, (file_mb * MIB, file_mb * MIB))
    except (ValueError, OSError):  # the user's own limits are lower, or the system has not all of them
        for number, value in (
            (resource.RLIMIT_AS, memory_mb * MIB),
            (resource.RLIMIT_CPU, cpu_seconds),
            (resource.RLIMIT_FSIZE, file_mb * MIB),
        ):
            _bound(number, value)


_HAS_MEMORY_LIMIT = sys.platform != "darwin"


def _bound(number: int, value: int) -> None:
    """Soft and hard at once, never above what holds already."""
    import resource

    try:
        resource.setrlimit(number, (value, value))
    except (ValueError, OSError):
        hard = resource.getrlimit(number)[1]
        try:
            resource.setrlimit(number, (hard, hard))
        except (ValueError, OSError):
            return
