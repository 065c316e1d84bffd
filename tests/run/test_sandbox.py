"""The sandbox that a run's verifiers use: whose it is, how long it lives, and what is told of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Candidate, ConfigError, Orchestrator, Problem, Run, SandboxUnavailable, Verdict, asolve
from orchestrator.engine import Engine
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.sandbox import Asserts, Sandbox

from .stage import play

PROGRAM = "```python\ndef f(x):\n    return x\n```"
TESTS = ["assert f(2) == 2"]
_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")


def coder() -> ScriptedExpert:
    return ScriptedExpert(lambda request: PROGRAM)


def children() -> set[int]:
    """Processes that this one has started and that have not ended."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


async def peeking(problem: Problem, candidate: Candidate, run: Run) -> Verdict:
    """A verifier of a user's, which runs programs by itself."""
    done = await run.sandbox.verify(candidate.answer or "", Asserts(("assert f(3) == 3",)))
    return Verdict(float(done.verdict == "passed"), done.verdict == "passed")


def test_a_run_that_was_opened_without_one_says_so() -> None:
    async def act(run: Run) -> None:
        await run.sandbox.isolate()

    error = play(act, coder()).error
    assert isinstance(error, SandboxUnavailable)
    assert "without a sandbox" in str(error)


async def test_verifiers_of_users_find_it_and_the_outcome_says_how_far_programs_were_kept_apart() -> None:
    out = await asolve("Write f.", kind="code", experts=[coder().value], strategy="cot", verifier=peeking)
    assert out.candidates[0].passed
    assert out.isolation is not None
    assert out.isolation.level >= 1


async def test_where_no_program_was_run_nothing_is_told_of_it() -> None:
    async with Orchestrator(experts=[coder().value], strategy="cot") as o:
        first = await o.solve("Write f.", tests=TESTS, verifier="unit_tests")
        second = await o.solve("Write f.", kind="code", verifier="none")
    assert first.isolation is not None
    assert second.isolation is None


@pytest.mark.skipif(not _CHILDREN.is_file(), reason="the kernel does not list children")
async def test_its_processes_end_with_who_opened_it() -> None:
    before = children()
    async with Orchestrator(experts=[coder().value], strategy="cot") as o:
        assert children() == before
        await o.solve("Write f.", tests=TESTS, verifier="unit_tests")
        assert children() > before
    assert children() == before


async def test_steps_of_one_wallet_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Orchestrator(experts=[coder().value], strategy="cot") as o:
        first = await o.solve("Write f.", tests=TESTS, verifier="unit_tests")
        monkeypatch.setattr("orchestrator.sandbox.worker_process.start", lambda *_: pytest.fail("a second worker"))
        second = await o.solve("Write f.", tests=TESTS, verifier="unit_tests")
    assert first.candidates[0].passed
    assert second.candidates[0].passed


async def test_a_level_that_is_not_reached_is_refused_before_anybody_is_asked() -> None:
    expert = coder()
    with pytest.raises(SandboxUnavailable, match="level 5 is wanted"):
        await asolve(
            "Write f.", tests=TESTS, experts=[expert.value], strategy="cot", verifier="unit_tests", min_isolation=5
        )
    assert expert.requests == []


async def test_it_is_refused_too_where_only_a_verifier_of_the_users_runs_programs() -> None:
    with pytest.raises(SandboxUnavailable, match="level 5 is wanted"):
        await asolve("Say it.", experts=[coder().value], strategy="cot", verifier=peeking, min_isolation=5)


async def test_problems_without_programs_need_no_isolation() -> None:
    expert = ScriptedExpert(lambda request: "The answer is 4.")
    out = await asolve("2 + 2?", kind="number", experts=[expert.value], strategy="cot", min_isolation=5)
    assert out.answer == "4"


@pytest.mark.parametrize("level", [-1, 6])
def test_a_level_that_there_is_not_is_refused(level: int) -> None:
    with pytest.raises(ConfigError, match="go from 0 to 5"):
        Orchestrator(experts=[coder().value], min_isolation=level)


async def test_it_is_closed_though_the_engine_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Sandbox] = []
    whole = Engine.__aexit__

    async def aclose(box: Sandbox) -> None:
        closed.append(box)

    async def failing(engine: Engine, *error: Any) -> None:
        await whole(engine, *error)
        raise OSError("the disk is full")

    monkeypatch.setattr(Sandbox, "aclose", aclose)
    monkeypatch.setattr(Engine, "__aexit__", failing)
    o = Orchestrator(experts=[coder().value])
    with pytest.raises(OSError, match="the disk is full"):
        async with o:
            pass
    assert closed == [o.sandbox]
