"""The only folder that a candidate can write to: emptied after each."""

from __future__ import annotations

import os

_TRIES = 100_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty(folder: str) -> bool:
    """Removes all that is in the folder, however deep, without following links; whether that went well.

    It goes down with one descriptor open at a time, since paths may be longer than the system takes.
    """
    here = os.open(folder, _DIRECTORY)
    names: list[str] = []
    try:
        for _ in range(_TRIES):
            inner = _without_files(here)
            if inner is not None:
                here = _moved(here, inner)
                names.append(inner)
            elif names:
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


def _without_files(here: int) -> str | None:
    """Removes the files of a folder, and the folders that are empty; the name of one that is not."""
    with os.scandir(here) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=here)
                continue
            try:
                os.rmdir(entry.name, dir_fd=here)
            except OSError:
                return entry.name
    return None
