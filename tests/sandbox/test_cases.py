"""Every program of the corpus gets a verdict that it may get, in time, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import importlib.util
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.sandbox import Calls, Isolation, Limits, Sandbox
from orchestrator.sandbox.suites import Call

from .corpus import EVERY, Case, load
from .host import Host

CASES = load()
CLASSES = {
    *("time", "hold-exit", "fork-bomb", "daemon", "zombie", "thread-bomb", "memory", "rlimits", "output", "fill"),
    *("return-value", "crash", "exit-cheat", "tamper", "read-answers", "forge-result", "attack-parent", "files"),
    *("secrets", "network", "encoding", "float", "nondeterminism", "source-bomb", "honest", "hostile-tests"),
}
CLOSED = 3
"""Level from which on files, network and other processes are out of reach."""
KEPT = 3
"""Processes of a sandbox with one worker: the judge, and what candidates are forked from, with numpy and without."""
SLACK = 6.0
"""Wall seconds beyond a program's own within which its verdict comes, on a busy machine."""
CLEANING = 20.0
"""More of them where what a program wrote lies on a disk, and not in memory that is let go of."""
GOOD = "def solve(n):\n    return n * 2  # after {}\n"
PROBE = Calls("solve", (Call((4,), 8),))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Host(tmp_path_factory.mktemp("host")).open() as host:
        yield host
        assert host.wait_for_late_writes() == []


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((), id="all-layers"),
        pytest.param(("namespaces",), id="no-namespaces", marks=pytest.mark.slow),
    ],
)
def box(host: Host, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """With one worker, on all layers that this machine has, and, where time is no matter, on fewer."""
    box = Sandbox(workers=1, without=request.param)
    yield box
    box.close()


@pytest.fixture(scope="module")
def isolation(box: Sandbox) -> Isolation:
    return asyncio.run(box.isolate())


def parameters() -> list[object]:
    return [pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else []) for case in CASES]


def test_there_are_cases_of_every_class() -> None:
    assert {case.kind for case in CASES} == CLASSES
    assert sum(case.kind == "honest" for case in CASES) >= 40
    for case in CASES:
        assert case.ideal in case.accept <= EVERY, case.name


@pytest.mark.parametrize("case", parameters())
async def test_a_program_gets_the_verdict_it_should_and_leaves_nothing(
    case: Case, host: Host, box: Sandbox, isolation: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_where_it_makes_no_sense(case, isolation)
    monkeypatch.chdir(tmp_path)
    marks = host.marks(case)
    program, suite = case.text(marks), case.suite(marks)
    with host.watching(case, marks, KEPT):
        started = time.monotonic()
        execution = await box.verify(program, suite, case.limits)
        took = time.monotonic() - started
    assert execution.verdict in case.accept, execution.detail
    if case.outcomes:
        assert execution.outcomes == case.outcomes[: len(execution.outcomes)]
    if case.again:
        after = await box.verify(f"{program}\n# again", suite, case.limits)
        assert after.verdict == execution.verdict
    on_disk = "token" in case.checks and not isolation.mechanisms.get("mountns")
    assert took < case.limits.wall_seconds * runs(case) + SLACK + (CLEANING if on_disk else 0.0)
    good = await box.verify(GOOD.format(marks["$TOKEN$"]), PROBE, Limits(5.0))
    assert good.verdict == "passed", f"a good program afterwards: {good.detail}"


def runs(case: Case) -> int:
    return len(case.tests["stdio"]["cases"]) if "stdio" in case.tests else 1


def skip_where_it_makes_no_sense(case: Case, isolation: Isolation) -> None:
    for name in case.needs:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs {name}")
    if case.machines and platform.machine() not in case.machines:
        pytest.skip(f"written for {', '.join(case.machines)}")
    outside = case.contained or case.checks or case.kind in ("secrets", "files", "network")
    if outside and isolation.level < CLOSED:
        pytest.skip(f"nothing closes this off at level {isolation.level}")
