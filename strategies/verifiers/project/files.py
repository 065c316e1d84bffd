"""A project's files: those that git tracks, as they lie in the folder now."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from pathlib import Path

from orchestrator.errors import VerifierError

from .globs import matching

_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
"""No setting of the repository's may have git start a program."""
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class State:
    """A project as it was at one moment."""

    folder: Path
    files: tuple[str, ...]
    """Paths of files and links, sorted."""
    digest: str
    """Of paths, sizes, modes and times of change."""


def state_of(folder: Path, also: tuple[str, ...]) -> State:
    """The project as it is now.

    Args:
        also: patterns of files that git does not track and that are to be copied all the same.

    Raises:
        VerifierError: git is not there, or the folder is not in a repository of its.
    """
    listed = _listed(folder, "--cached", "--recurse-submodules")
    if also:
        listed |= set(matching(_listed(folder, "--others"), also))
    files, digest = [], blake2b(digest_size=16)
    for path in sorted(listed):
        try:
            found = os.lstat(folder / path)
        except (FileNotFoundError, NotADirectoryError):
            continue  # deleted, and git not yet told
        if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            files.append(path)
            facts = (path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode, found.st_ino)
            digest.update(repr(facts).encode("utf-8", "surrogateescape"))
    if not files:
        raise VerifierError(f"git tracks no file in {folder}; project_tests copies tracked files only: git add them")
    return State(folder, tuple(files), digest.hexdigest())


def copy(state: State, target: Path) -> None:
    """Copies the files, links as links.

    Raises:
        VerifierError: the project has changed since, or a file cannot be read.
    """
    target = Path(os.path.realpath(target))
    for path in state.files:
        source, file = state.folder / path, target / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, file, follow_symlinks=False)
        except OSError as error:
            raise VerifierError(f"{source} cannot be copied: {error.strerror}") from error


def contents(folder: Path, paths: list[str]) -> dict[str, str]:
    """A digest of each of these files, links by where they lead; those that are not there are left out."""
    found = {}
    for path in paths:
        file = folder / path
        try:
            mode = os.lstat(file).st_mode
            if stat.S_ISLNK(mode):
                found[path] = f"-> {os.readlink(file)}"
            elif stat.S_ISREG(mode):
                with file.open("rb") as opened:
                    found[path] = file_digest(opened, blake2b).hexdigest()
        except OSError as error:
            found[path] = f"cannot be read: {error.strerror}"
    return found


def below(folder: Path) -> list[str]:
    """Every file and link below a folder, which may be hostile: no link is followed, and no depth without end."""
    found, waiting = [], [""]
    while waiting:
        where = waiting.pop()
        try:
            entries = list(os.scandir(folder / where))
        except OSError:  # nobody but the program that made it so can have anything there
            continue
        for entry in entries:
            path = f"{where}/{entry.name}".lstrip("/")
            if not entry.is_dir(follow_symlinks=False):
                found.append(path)
            elif path.count("/") < _DEEPEST:
                waiting.append(path)
    return found


def _listed(folder: Path, *which: str) -> set[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            [*_GIT, "ls-files", "-z", *which],
            cwd=folder, env={**environment, "GIT_OPTIONAL_LOCKS": "0"}, capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise VerifierError("project_tests needs git to know which files belong to the project: install it") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        if said and "not a git repository" in said[0]:
            raise VerifierError(
                f"{folder} is not in a git repository; project_tests copies tracked files only: "
                "run git init and git add there first"
            )
        raise VerifierError(f"git cannot list the files of {folder}: {said[0] if said else 'no word why'}")
    return {os.fsdecode(path) for path in done.stdout.split(b"\0") if path}
