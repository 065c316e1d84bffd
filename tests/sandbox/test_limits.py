from __future__ import annotations

import signal
import sys

import pytest

from orchestrator.sandbox._cell import limits
from tests.sandbox.cell import run, said

LIMITED = """
import resource
from _cell.limits import limit_self
lacking = limit_self({memory_mb}, 30, 1, 32)
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit memory")
def test_memory_ends_in_an_error_of_python() -> None:
    source = """
try:
    bytearray(400 << 20)
except MemoryError:
    print("no memory", lacking)
"""
    assert said(LIMITED.format(memory_mb=300) + source) == "no memory ()"


def test_cpu_time_ends_in_a_kill_that_cannot_be_caught() -> None:
    source = """
from _cell.limits import limit_self
signal.signal(signal.SIGXCPU, lambda *_: None)
limit_self(8192, 1, 1, 32)
while True:
    pass
"""
    assert run(source).returncode in (-signal.SIGKILL, -signal.SIGXCPU)


def test_files_end_at_their_size() -> None:
    source = """
import tempfile
with tempfile.TemporaryFile(buffering=0) as file:
    file.write(bytes(1 << 20))
    print(refused(lambda: file.write(b"x")))
"""
    assert said(LIMITED.format(memory_mb=8192) + source) == "EFBIG"


def test_descriptors_end() -> None:
    assert said(f"{LIMITED.format(memory_mb=8192)}print(refused(lambda: [os.dup(0) for _ in range(32)]))") == "EMFILE"


def test_no_core_is_left() -> None:
    source = f"{LIMITED.format(memory_mb=8192)}print(resource.getrlimit(resource.RLIMIT_CORE))"
    assert said(source) == "(0, 0)"


def test_limits_that_hold_already_are_kept() -> None:
    source = """
from resource import RLIMIT_CPU, RLIMIT_NOFILE, getrlimit, setrlimit
from _cell.limits import limit_self
setrlimit(RLIMIT_NOFILE, (16, 16))
setrlimit(RLIMIT_CPU, (20, 40))
print(limit_self(8192, 3600, 1, 256), getrlimit(RLIMIT_NOFILE), getrlimit(RLIMIT_CPU))
"""
    assert said(source) == "() (16, 16) (40, 40)"


class Refusing:
    """A system that has no limit of memory, and refuses that of CPU time."""

    RLIM_INFINITY, RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_CORE = -1, 0, 1, 2, 3

    def __init__(self) -> None:
        self.set: dict[int, tuple[int, int]] = {}

    def getrlimit(self, number: int) -> tuple[int, int]:
        return (-1, -1)

    def setrlimit(self, number: int, bounds: tuple[int, int]) -> None:
        if number == self.RLIMIT_CPU:
            raise ValueError("current limit exceeds maximum limit")
        self.set[number] = bounds


def test_what_the_system_lacks_or_refuses_is_said_and_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    system = Refusing()
    monkeypatch.setitem(sys.modules, "resource", system)  # type: ignore[arg-type]
    assert limits.limit_self(100, 5, 1, 32, threads=9) == ("memory", "cpu", "threads")
    assert system.set == {1: (1 << 20, 1 << 20), 2: (32, 32), 3: (0, 0)}


def test_on_macos_memory_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    system = Refusing()
    monkeypatch.setattr(system, "RLIMIT_AS", 5, raising=False)
    monkeypatch.setitem(sys.modules, "resource", system)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "memory" in limits.limit_self(100, 5, 1, 32)
    assert 5 not in system.set
