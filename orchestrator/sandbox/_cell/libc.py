"""Calls of the system that Python has no name for."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes

MACHINE = os.uname().machine if sys.platform == "linux" and sys.maxsize > 2**32 else ""
"""As Linux names it; empty on other systems and for a Python of 32 bits, whose calls have other numbers."""
_loaded: list[ctypes.CDLL] = []


def load() -> ctypes.CDLL:
    """The C library of this process. ImportError or OSError where ctypes is not built."""
    if not _loaded:
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        library.syscall.restype = ctypes.c_long
        _loaded.append(library)
    return _loaded[0]


def syscall(call: int, *args: int | bytes | None) -> int:
    """What the kernel answers; `bytes` go as a pointer. Raises OSError with the kernel's errno."""
    if not MACHINE:
        raise _no_table()
    library = load()
    import ctypes

    given = [ctypes.c_long(arg) if isinstance(arg, int) else ctypes.c_char_p(arg) for arg in args]
    answer: int = library.syscall(ctypes.c_long(call), *given)
    if answer == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


def prctl(option: int, *args: int) -> int:
    """prctl(2), unused arguments zero. Raises OSError."""
    return syscall(number(157, 167), option, *args, *(0,) * (4 - len(args)))


def number(x86: int, arm: int) -> int:
    """The one of the two that is meant here. Raises OSError on other machines."""
    if MACHINE == "x86_64":
        return x86
    if MACHINE == "aarch64":
        return arm
    raise _no_table()


def _no_table() -> OSError:
    import errno

    return OSError(errno.ENOSYS, f"no table of the calls of {MACHINE or 'this system'}")
