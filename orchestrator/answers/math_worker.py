"""The process that compares expressions; `math` starts it as a script and talks to it in lines of JSON.

First line in: the limits and where to find libraries. Then one job a line: `{"keys": [...]}` asks for the class of
each key, one line out. Limits are CPU seconds, so that a busy machine does not change an answer.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


_RATIONAL = re.compile(r"-?(?:\d+|\\frac\{\d+\}\{\d+\})")
"""Rational numbers in normal form, equal only when written alike."""


class _OutOfTime(BaseException):
    """Past the limit of a step; no `except Exception` inside a library can hold it."""


class _Limit:
    """Ends a step that takes too many CPU seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._armed = seconds, False
        signal.signal(signal.SIGPROF, self._ring)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        if self._armed:
            raise _OutOfTime

    def __call__(self, step: Callable[[], T], otherwise: T) -> T:
        """What `step` returns, and `otherwise` when it fails, as odd LaTeX makes the library do.

        Raises:
            _OutOfTime: it took too long.
        """
        try:
            self._armed = True
            signal.setitimer(signal.ITIMER_PROF, self._seconds)
            return step()
        except Exception:
            return otherwise
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)


@dataclass
class _Head:
    """The first key of a class, and what the library made of it: nothing when it is not to be compared."""

    key: str
    parsed: list[Any]


class _Mathematics:
    """Parses each key once, and compares each with the first key of every class, in order."""

    def __init__(self, step_seconds: float, job_seconds: float) -> None:
        from math_verify import LatexExtractionConfig, parse, verify

        self._parse, self._verify = parse, verify
        self._config = [LatexExtractionConfig(boxed_match_priority=0)]
        self._limit, self._job_seconds = _Limit(step_seconds), job_seconds

    def classes(self, keys: list[str]) -> list[int]:
        end = time.process_time() + self._job_seconds
        heads: list[_Head] = []
        return [self._class(key, heads, end) for key in keys]

    def _class(self, key: str, heads: list[_Head], end: float) -> int:
        new = _Head(key, [])
        try:
            if time.process_time() < end:
                new.parsed = self._parsed(key)
            for number, head in enumerate(heads):
                if time.process_time() < end and self._equal(head, new):
                    return number
        except _OutOfTime:  # hopeless once is hopeless against every class
            new.parsed = []
        heads.append(new)
        return len(heads) - 1

    def _parsed(self, key: str) -> list[Any]:
        text = f"\\boxed{{{key}}}"
        return self._limit(lambda: list(self._parse(text, extraction_config=self._config, parsing_timeout=0)), [])

    def _equal(self, head: _Head, new: _Head) -> bool:
        if not head.parsed or not new.parsed or (_RATIONAL.fullmatch(head.key) and _RATIONAL.fullmatch(new.key)):
            return False
        return self._limit(lambda: bool(self._verify(head.parsed, new.parsed, timeout_seconds=None)), False)


def _bound_memory(megabytes: int) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = megabytes * 2**20
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    except (ValueError, OSError):
        print("the memory of the math process is not limited here", file=sys.stderr)


def main() -> None:
    setup = json.loads(sys.stdin.readline())
    sys.path[:] = setup["path"]
    _bound_memory(setup["memory_mb"])
    mathematics = _Mathematics(setup["step_seconds"], setup["job_seconds"])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"classes": mathematics.classes(json.loads(line)["keys"])}), flush=True)


if __name__ == "__main__":
    main()
