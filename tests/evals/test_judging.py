"""Verdicts on texts that are there already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BenchmarkError
from orchestrator.evals.judging import IN_FLIGHT, Cases, Judge, Judged
from orchestrator.evals.rejudging import samples_of
from orchestrator.evals.samples import Sample, read_samples
from orchestrator.evals.sets import open_set
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.folder import view
from orchestrator.sandbox import Sandbox

from .benching import bench, cases, doubled, plan_of
from .conftest import Write

TWICE = {
    "task_id": "HumanEval/900",
    "prompt": 'from typing import List\n\n\ndef twice(x: int) -> List[int]:\n    """Twice x."""\n',
    "entry_point": "twice",
    "canonical_solution": "    return [x, x]\n",
    "test": "def check(candidate):\n    assert candidate(3) == [3, 3]\n    assert candidate(0) == [0, 0]\n",
}
ENDLESS = "    while True:\n        pass\n"


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(workers=2) as opened:
        yield opened


@pytest.fixture
def problems(write: Write) -> Cases:
    return Cases(open_set(str(write(TWICE, name="HumanEval.jsonl"))))


async def judged(problems: Cases, box: Sandbox, samples: Iterable[Sample], **limits: Any) -> list[Judged]:
    found: list[Judged] = []
    await Judge(problems, box, found.append, **limits)(samples)
    return found


def completions(*texts: str) -> list[Sample]:
    return [Sample("HumanEval/900", text, "completion") for text in texts]


async def test_programs_get_the_verdict_of_the_sandbox(problems: Cases, box: Sandbox) -> None:
    texts = ("    return [x] * 2\n", "    return [x]\n", "    return [y]\n", ENDLESS)
    found = await judged(problems, box, completions(*texts), timeout=0.3)
    assert [(one.verdict, one.passed) for one in found] == [
        ("passed", True), ("failed", False), ("error", False), ("timeout", False),
    ]  # fmt: skip
    assert "NameError" in found[2].detail
    assert found[3].cpu_seconds >= 0.3
    assert [one.to_json()["task_id"] for one in found] == ["HumanEval/900"] * 4


async def test_the_same_program_is_run_once(problems: Cases, box: Sandbox) -> None:
    found = await judged(problems, box, completions("    return [x, x]\n", "    return [x, x]\n"))
    assert [one.passed for one in found] == [True, True]
    assert sorted(one.cached for one in found) == [False, True]


async def test_a_solution_stands_for_itself_and_a_reply_may_rely_on_the_stub(problems: Cases, box: Sandbox) -> None:
    program = "def twice(x: int) -> List[int]:\n    return [x, x]\n"
    found = await judged(
        problems, box, [Sample("HumanEval/900", program, "solution"), Sample("HumanEval/900", program, "reply")]
    )
    assert [one.verdict for one in found] == ["error", "passed"]


async def test_a_limit_on_memory_of_the_callers_counts(problems: Cases, box: Sandbox) -> None:
    hungry = "    store = bytearray(400 * 1024 * 1024)\n    return [x, x]\n"
    for memory_mb, verdict in ((64, "memory"), (1024, "passed")):
        (one,) = await judged(problems, box, completions(hungry), memory_mb=memory_mb)
        assert one.verdict == verdict


async def test_verdicts_come_in_the_order_of_the_samples(problems: Cases, box: Sandbox) -> None:
    slow = "    sum(range(3_000_000))\n    return [x, x]\n"
    found = await judged(problems, box, completions(slow, *(f"    return [x, {i}]\n" for i in range(5))))
    assert [one.verdict for one in found] == ["passed", *["failed"] * 5]


async def test_tasks_that_the_set_does_not_have_are_counted(problems: Cases, box: Sandbox) -> None:
    found: list[Judged] = []
    judge = Judge(problems, box, found.append)
    await judge([Sample("other", "", "solution"), Sample("other", "", "solution"), *completions("    return []\n")])
    assert (judge.unknown, len(found)) == ({"other": 2}, 1)


async def test_an_end_keeps_what_has_a_verdict(problems: Cases, box: Sandbox) -> None:
    found: list[Judged] = []
    judge = Judge(problems, box, lambda one: (found.append(one), judge.end())[0])
    await asyncio.wait_for(judge(completions("    return [x, x]\n", ENDLESS, ENDLESS + "    pass\n")), 20)
    assert judge.ended
    assert [one.passed for one in found] == [True]


async def test_an_end_tells_also_of_what_came_after_an_open_one(problems: Cases, box: Sandbox) -> None:
    found: list[Judged] = []
    judge = Judge(problems, box, found.append)

    def samples() -> Iterator[Sample]:
        yield from completions(ENDLESS, *(f"    return [x, {i}]\n" for i in range(IN_FLIGHT)))
        judge.end()

    await asyncio.wait_for(judge(samples()), 20)
    assert judge.ended
    assert found
    assert {one.verdict for one in found} == {"failed"}


async def test_programs_are_ended_with_the_judging(problems: Cases) -> None:
    async with Sandbox(workers=1) as box:
        judge = Judge(problems, box, lambda _: None)

        def samples() -> Iterator[Sample]:
            endless = (f"{ENDLESS}    return {i}\n" for i in range(IN_FLIGHT))
            yield from completions("    return []\n", *endless)  # the last is only taken once the first has ended
            judge.end()

        await asyncio.wait_for(judge(samples()), 20)
        (one,) = await judged(problems, box, completions("    return [x, x]\n"))
        assert one.passed


async def test_answers_of_other_kinds_are_graded_without_a_sandbox(write: Write, number_row: Any, box: Sandbox) -> None:
    problems = Cases(open_set(str(write(number_row("n/1"), number_row("n/2", answer=None)))))
    found = await judged(
        problems, box,
        [
            Sample("n/1", "The answer is 3.", "reply", recorded=True),
            Sample("n/1", "The answer is 4.", "reply", recorded=True),
            Sample("n/1", "Who knows?", "reply", recorded=False),
            Sample("n/2", "The answer is 3.", "reply", recorded=True),
        ],
    )  # fmt: skip
    assert [(one.verdict, one.passed, one.differs) for one in found] == [
        ("passed", True, False), ("failed", False, True), ("unparsed", False, False), ("ungraded", None, False),
    ]  # fmt: skip
    assert box.isolation is None


def test_ids_that_differ_in_capitals_are_one_where_that_leaves_no_doubt(write: Write, number_row: Any) -> None:
    problems = Cases(open_set(str(write(number_row("Mbpp/1"), number_row("A"), number_row("a")))))
    first = problems.find("mbpp/1")
    assert first is not None
    assert first.problem.id == "Mbpp/1"
    assert (exact := problems.find("A")) is not None
    assert exact.problem.id == "A"
    assert problems.ids == ["Mbpp/1", "A", "a"]


def test_an_id_that_is_there_twice_is_refused(write: Write, number_row: Any) -> None:
    with pytest.raises(BenchmarkError, match="'n/1' is there twice"):
        Cases(open_set(str(write(number_row("n/1"), number_row("n/1")))))


async def test_a_run_gets_its_verdicts_again(tmp_path: Path, box: Sandbox) -> None:
    plan = plan_of(ScriptedExpert(doubled), strategies=("cot", "best_of_n(samples=3)"))
    await asyncio.to_thread(bench, tmp_path / "r", plan, cases(3))
    samples = list(samples_of(view(tmp_path / "r")))
    assert len(samples) == 3 * (1 + 1) + 3 * (3 + 1)
    found = await judged(Cases(cases(3)), box, samples)
    assert [one for one in found if one.differs] == []
    assert sum(one.passed is True for one in found if one.sample.source == "best_of_n(samples=3)") == 3 * 2 + 3
    assert all(one.sample.recorded is not None for one in found)


async def test_recorded_programs_of_models_get_their_verdicts(shared: Path, box: Sandbox) -> None:
    """A few of each recorded expert; those that are known to be wrong in the record are not among them."""
    problems = Cases(open_set(str(shared / "replay" / "humaneval.problems.jsonl.gz")))
    path = shared / "replay" / "humaneval.generations.jsonl.gz"
    some = [sample for sample in read_samples(path) if sample.task in ("humaneval/0", "humaneval/2", "humaneval/4")]
    found = await judged(problems, box, some)
    assert len(found) == len(some) > 100
    assert {one.verdict for one in found} >= {"passed", "failed", "error"}
    assert [one.to_json() for one in found if one.differs] == []
