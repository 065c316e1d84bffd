"""Files without names, and the memory of processes where no limit of the system's bounds it."""

from __future__ import annotations

import os
import sys


def file(name: str) -> int:
    """A descriptor of an empty file without a name; in memory, where the system has that."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    import tempfile

    fd, path = tempfile.mkstemp()
    os.unlink(path)
    return fd


def resident_mb(pid: int) -> float:
    """MiB that a process has in memory; 0 where nothing tells."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/statm", "rb") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        except OSError:
            return 0.0
    import subprocess

    said = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False).stdout.strip()
    return int(said) / 1024 if said.isdigit() else 0.0
