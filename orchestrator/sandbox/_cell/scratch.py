"""The only folder that a candidate can write to: emptied after each."""

from __future__ import annotations

import os

_ROUNDS = 100_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty(folder: str) -> bool:
    """Removes all that is in the folder, however deep, without following links; whether that went well.

    What lies deeper is moved to the top first: paths may be longer than the system takes, and what the system checks
    of a place grows with its depth.
    """
    top = os.open(folder, _DIRECTORY)
    prefix = os.urandom(8).hex()
    moved = 0
    try:
        for _ in range(_ROUNDS):
            full = _without_files(top)
            if not full:
                return True
            for name in full:
                moved = _lifted(top, name, prefix, moved)
                os.rmdir(name, dir_fd=top)
    except OSError:
        return False
    finally:
        os.close(top)
    return False


def _lifted(top: int, name: str, prefix: str, moved: int) -> int:
    """Moves what folders there are in one at the top beside it; how many were moved in all."""
    here = _opened(top, name)
    try:
        for inner in _without_files(here):
            moved += 1
            os.rename(inner, f"{prefix}{moved}", src_dir_fd=here, dst_dir_fd=top)
    finally:
        os.close(here)
    return moved


def _opened(parent: int, name: str) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        return os.open(name, _DIRECTORY, dir_fd=parent)


def _without_files(here: int) -> list[str]:
    """Removes the files of a folder, and the folders that are empty; the names of those that are not."""
    full = []
    with os.scandir(here) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=here)
                continue
            try:
                os.rmdir(entry.name, dir_fd=here)
            except OSError:
                full.append(entry.name)
    return full
