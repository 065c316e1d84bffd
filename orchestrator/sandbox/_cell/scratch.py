"""The only folder that a candidate can write to: emptied after each."""

from __future__ import annotations

import os

_TRIES = 1_000_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty(folder: str) -> bool:
    """Removes all that is in the folder, however deep, without following links; whether that went well.

    It goes down with one descriptor open at a time, since paths may be longer than the system takes.
    """
    here = os.open(folder, _DIRECTORY)
    names: list[str] = []
    try:
        left = [_without_files(here)]
        for _ in range(_TRIES):
            if left[-1]:
                names.append(left[-1].pop())
                here = _moved(here, names[-1])
                left.append(_without_files(here))
            elif names:
                left.pop()
                here = _moved(here, "..")
                os.rmdir(names.pop(), dir_fd=here)
            else:
                return True
    except OSError:
        return False
    finally:
        os.close(here)
    return False


def _moved(here: int, name: str) -> int:
    there = os.open(name, _DIRECTORY, dir_fd=here)
    os.close(here)
    return there


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
