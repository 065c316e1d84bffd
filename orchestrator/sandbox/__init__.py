"""Runs untrusted programs against tests.

As it stands a plain subprocess with limits: it stops accidents (endless loops, floods of output, memory), not attacks.
A program that wants to can read what its user can read, and can forge its own verdict.
"""

from .plain import Execution, PlainRunner, Ruling

__all__ = ["Execution", "PlainRunner", "Ruling", "aclose", "run_tests"]

_RUNNER = PlainRunner()


async def run_tests(program: str, tests: str, *, timeout: float = 10.0, memory_mb: int = 1024) -> Execution:
    """Runs the program and then its tests, assert statements that see its names, in a process of their own.

    Args:
        timeout: wall seconds, the start of the process included.
        memory_mb: address space of the process in MiB.

    Raises:
        SandboxUnavailable: no process can be started.
    """
    return await _RUNNER.run(program, tests, timeout=timeout, memory_mb=memory_mb)


async def aclose() -> None:
    """Lets go of the threads that wait for processes; they come back when needed."""
    await _RUNNER.aclose()
