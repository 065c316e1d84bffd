"""The sandbox of callers that bring none: one a process, whose workers end with it."""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from .box import Sandbox
from .execution import Execution
from .suites import Asserts, Call, Calls, Limits, Stdio, Stream, Suite

_BOX = Sandbox()
atexit.register(_BOX.close)


def sandbox() -> Sandbox:
    """The shared sandbox itself; it is not to be closed for good, and starts its workers again when needed."""
    return _BOX


async def verify(
    code: str, tests: Mapping[str, Any], timeout: float = 10.0, memory_mb: int = 1024, *, box: Sandbox | None = None
) -> Execution:
    """The verdict on a program, its tests given as plain data.

    Args:
        tests: `{"kind": "call", "entry", "cases": [{"args", "expected"}], "atol"?}`, or `{"kind": "asserts", "entry",
            "code"}` with a function `check(candidate)`, or `{"kind": "stdio", "cases": [{"input", "output"}]}`.
        timeout: CPU seconds of the program; it ends for good after `max(timeout + 4, 2.5 * timeout)` by the clock.
        memory_mb: MiB that it may take.

    Raises:
        ConfigError: `tests` has another form.
        SandboxUnavailable: no process can be started.
    """
    limits = Limits(seconds=timeout, wall=max(timeout + 4.0, 2.5 * timeout), memory_mb=memory_mb)
    return await (box or _BOX).verify(code, suite_of(tests), limits)


def suite_of(tests: Mapping[str, Any]) -> Suite:
    """Raises:
    ConfigError: these are no tests.
    """
    try:
        match tests["kind"]:
            case "call":
                cases = tuple(Call(tuple(case["args"]), case["expected"]) for case in tests["cases"])
                atol = tests.get("atol")
                return Calls(tests["entry"], cases, "exact" if atol is None else "tolerance", atol)
            case "asserts":
                return Asserts((tests["code"],), tests.get("entry"), tests.get("prelude", ""))
            case "stdio":
                return Stdio(tuple(Stream(case["input"], case["output"]) for case in tests["cases"]))
            case other:
                raise ConfigError(f"tests of kind {other!r}: there are call, asserts and stdio")
    except (KeyError, TypeError) as error:
        raise ConfigError(f"tests without a {error}: see the kinds call, asserts and stdio") from error


async def run_tests(
    program: str,
    tests: str | Sequence[str],
    *,
    timeout: float = 10.0,
    memory_mb: int = 1024,
    box: Sandbox | None = None,
) -> Execution:
    """The verdict on a program whose tests are assert statements that see its names.

    Args:
        tests: one text, or several that are counted apart.
        timeout: CPU seconds of the program.
        memory_mb: MiB that it may take.

    Raises:
        SandboxUnavailable: no process can be started.
    """
    texts = (tests,) if isinstance(tests, str) else tuple(tests)
    return await (box or _BOX).verify(program, Asserts(texts), Limits(seconds=timeout, memory_mb=memory_mb))


async def aclose() -> None:
    """Ends the shared sandbox's workers; they come back when needed."""
    await _BOX.aclose()
