"""Runs sources as the processes of a sandbox are run: a bare Python with `_cell` as its only package."""

from __future__ import annotations

import functools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import orchestrator.sandbox

CELL = Path(orchestrator.sandbox.__file__).parent / "_cell"
NOBODY = 65534
LINUX = sys.platform == "linux"
_START = """
import errno, json, os, signal, sys
sys.path.insert(0, {folder!r})
def refused(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno)
    return "done"
def child(attempt):
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody to run a source as, and what to run it with."""

    number: int | None
    python: str
    folder: str


@contextmanager
def as_user(name: str) -> Iterator[User | None]:
    """`self` or `nobody`; None where there is no way to become that user, or no Python for it."""
    if name == "self":
        yield User(None, sys.executable, str(CELL.parent))
        return
    python = _public_python()
    if os.getuid() != 0 or python is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CELL, f"{folder}/_cell", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (Path(folder), *Path(folder).rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield User(NOBODY, python, folder)


def run(source: str, *args: str, user: User | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """What the source printed and how it ended; `errno json os signal sys refused child` are there."""
    who = user or User(None, sys.executable, str(CELL.parent))
    extra = {} if who.number is None else {"user": who.number, "group": who.number, "extra_groups": ()}
    return subprocess.run(
        [who.python, "-I", "-S", "-B", "-c", _START.format(folder=who.folder) + dedent(source), *args],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd="/",
        env={},
        **extra,  # type: ignore[call-overload]
    )


def said(source: str, *args: str, user: User | None = None) -> str:
    """What a source printed that came to its end."""
    done = run(source, *args, user=user)
    assert done.returncode == 0, done.stderr
    printed: str = done.stdout.strip()
    return printed


@functools.cache
def lacking(layer: str) -> str:
    """Why a layer cannot be tried here, empty where it can."""
    if not LINUX:
        return "only Linux has it"
    return said(
        """
        import tempfile
        from _cell.layers import Confinement
        with tempfile.TemporaryDirectory() as scratch:
            print(Confinement({"scratch": scratch}).reasons.get(sys.argv[1], ""))
        """,
        layer,
    )


def _public_python() -> str | None:
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        found = Path(python).resolve()
        if found.exists() and all(part.stat().st_mode & stat.S_IXOTH for part in (found, *found.parents)):
            asked = subprocess.run([found, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"])
            if asked.returncode == 0:
                return str(found)
    return None
