"""The only folder that a candidate can write to: emptied after each."""

from __future__ import annotations

import os

_TRIES = 100_000


def empty(folder: str) -> bool:
    """Removes all that is in the folder, however deep, without following links; whether that went well."""
    stack = [folder]
    for _ in range(_TRIES):
        top = stack[-1]
        inner = _without_files(top)
        if inner is None:
            return False
        if inner:
            stack.append(inner)
            continue
        if len(stack) == 1:
            return True
        try:
            os.rmdir(stack.pop())
        except OSError:
            return False
    return False


def _without_files(folder: str) -> str | None:
    """Removes the files; a folder that is left in it, or an empty text where none is; `None` where it cannot."""
    inner = ""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    inner = entry.path
                else:
                    os.unlink(entry.path)
    except PermissionError:
        try:
            os.rmdir(folder)
        except OSError:
            return None
        return ""
    except OSError:
        return None
    return inner
