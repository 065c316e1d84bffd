"""The process of a whole program, which reads its standard input and prints."""

from __future__ import annotations

import os
import sys

from .child import compiled, prepare, raised
from .wire import Broken, Channel, Ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def run(channel: Channel) -> NoReturn:
    """Runs the program that comes, and ends as the interpreter would."""
    try:
        program = channel.receive()
    except (Ended, Broken):
        os._exit(1)
    os._exit(_ended(channel, program))


def _ended(channel: Channel, program: str) -> int:
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    try:
        try:
            prepare(program)
            exec(compiled(program), vars(module))
        finally:
            _last_things(module)
    except SystemExit as error:
        return _status(error.code)
    except BaseException as error:
        try:
            channel.send(raised(error))
        except Exception:
            return 1
        return 1
    return 0


def _last_things(module: Any) -> None:
    """What the interpreter does at its end: waits for threads, calls what asked for it, flushes, lets go."""
    import gc

    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()
    if "atexit" in sys.modules:
        import atexit

        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    vars(module).clear()
    gc.collect()  # files that nobody has closed are written to their ends
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None and not stream.closed:
            stream.flush()


def _status(code: object) -> int:
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
