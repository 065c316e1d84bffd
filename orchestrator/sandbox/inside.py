"""What runs in the process of a program: `plain` starts this file as a script.

In: one JSON object on stdin. Out: one JSON object on the descriptor named in it, with the marker that only a run that
came to its end repeats.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
import types


def main() -> None:
    job = json.loads(sys.stdin.buffer.read())
    _bound(job["memory_mb"], job["seconds"], job["file_mb"])
    verdict, detail = _ruled(job.pop("program"), job.pop("tests"))
    report = {"marker": job["marker"], "verdict": verdict, "detail": detail}
    os.write(job["report"], json.dumps(report).encode())
    os._exit(0)  # threads that the program left behind do not keep its verdict back


def _ruled(program: str, tests: str) -> tuple[str, str]:
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module  # dataclasses and type hints look their module up
    names = vars(module)
    try:
        exec(compile(program, "<program>", "exec", dont_inherit=True), names)
        exec(compile(tests, "<tests>", "exec", dont_inherit=True), names)
    except AssertionError as error:
        return ("failed" if _raised_in(error) == "<tests>" else "error"), _line(error)
    except MemoryError:
        return "memory", "out of memory"
    except SystemExit as error:
        return "error", f"the program ended itself with status {error.code!r}"
    except OSError as error:
        return ("output" if error.errno == errno.EFBIG else "error"), _line(error)
    except BaseException as error:
        return "error", _line(error)
    return "passed", ""


def _raised_in(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].filename if frames else ""


def _line(error: BaseException) -> str:
    where = [
        f"{f.filename[1:-1]} line {f.lineno}"
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename[:1] == "<"
    ]
    try:
        text = f"{type(error).__name__}: {error}".strip(": ")
    except Exception:
        text = type(error).__name__
    return f"{text} ({where[-1]})"[:500] if where else text[:500]


def _bound(memory_mb: int, seconds: float, file_mb: int) -> None:
    """Limits as far as the system has them, never above the limits it already sets."""
    import resource
    import signal

    wanted = {
        "RLIMIT_AS": memory_mb * 2**20,
        "RLIMIT_CPU": int(seconds) + 1,
        "RLIMIT_FSIZE": file_mb * 2**20,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        _, hard = resource.getrlimit(number)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(number, (bound, bound))
        except (ValueError, OSError):  # macOS refuses some: the wall clock still holds
            continue
    signal.setitimer(signal.ITIMER_REAL, seconds + 2)  # ends the process when its host is gone


if __name__ == "__main__":
    main()
