"""Many programs for one suite: the order of their verdicts, and what becomes of those that nobody waits for."""

from __future__ import annotations

import itertools

import pytest

from orchestrator.errors import SandboxUnavailable
from orchestrator.sandbox import Call, Calls, Execution, Limits, Sandbox

from .watching import Started

SUITE = Calls("f", (Call((1,), 2), Call((2,), 3)))
ENDLESS = "def f(x):\n    while True:\n        pass  # {}\n"
LIMITS = Limits(5.0, wall=30.0)
MARKS = itertools.count()


@pytest.fixture
async def programs(box: Sandbox) -> Started:
    """What runs beside the two workers, which are up."""
    await all_of(box, [slow(next(MARKS), 0.1) for _ in range(2)])
    return Started()


def right(mark: object) -> str:
    return f"def f(x): return x + 1  # {mark}"


def slow(mark: object, seconds: float) -> str:
    return f"import time\nwhile time.process_time() < {seconds}: pass\n{right(mark)}"


def wrong(mark: object) -> str:
    return f"def f(x): return x  # {mark}"


async def all_of(
    box: Sandbox, programs: list[str], limits: Limits = LIMITS, stop_after_passes: int | None = None
) -> list[tuple[int, Execution]]:
    async with box.verifying(programs, SUITE, limits, stop_after_passes=stop_after_passes) as results:
        return [result async for result in results]


async def test_every_program_gets_its_own_verdict_once(box: Sandbox) -> None:
    programs = [right(i) if i % 3 else wrong(i) for i in range(30)]
    found = await all_of(box, programs)
    assert sorted(index for index, _ in found) == list(range(30))
    assert {index: one.verdict for index, one in found} == {i: "passed" if i % 3 else "failed" for i in range(30)}


async def test_no_programs_have_no_verdicts(box: Sandbox) -> None:
    assert await all_of(box, []) == []


async def test_programs_that_are_the_same_are_run_once(box: Sandbox) -> None:
    found = dict(await all_of(box, [right("same")] * 10))
    assert [found[index].verdict for index in range(10)] == ["passed"] * 10
    assert sum(not one.cached for one in found.values()) == 1


async def test_verdicts_do_not_wait_for_a_program_that_is_slow(box: Sandbox) -> None:
    programs = [ENDLESS.format("first"), *(right(i) for i in range(5))]
    found: list[int] = []
    async with box.verifying(programs, SUITE, Limits(60.0, wall=300.0)) as results:
        async for index, _ in results:
            found.append(index)
            if len(found) == 5:
                break
    assert sorted(found) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("patience", [None, 10.0], ids=["at-once", "patient"])
async def test_enough_passes_end_the_rest(box: Sandbox, patience: float | None) -> None:
    limits = Limits(60.0, wall=300.0, patience=patience)
    programs = [wrong("a"), right("b"), right("c"), ENDLESS.format(patience), *(right(i) for i in range(20))]
    found = await all_of(box, programs, limits, stop_after_passes=2)
    assert sum(one.verdict == "passed" for _, one in found) == 2
    assert len(found) <= 4


async def test_enough_passes_end_the_rest_among_those_put_back() -> None:
    async with Sandbox(workers=1) as box:
        programs = [slow(i, 0.2) for i in range(4)]
        found = await all_of(box, programs, Limits(20.0, wall=60.0, patience=50.0), stop_after_passes=1)
    assert [one.verdict for _, one in found] == ["passed"]


async def test_the_rest_is_ended_even_before_the_block_is_left(box: Sandbox, programs: Started) -> None:
    limits = Limits(60.0, wall=300.0)
    async with box.verifying([right("x"), ENDLESS.format("x")], SUITE, limits, stop_after_passes=1) as results:
        assert [one.verdict async for _, one in results] == ["passed"]
        assert (await box.verify(right("meanwhile, by both workers"), SUITE, LIMITS)).verdict == "passed"
        assert await programs.are(0)


async def test_leaving_ends_what_is_under_way(box: Sandbox, programs: Started) -> None:
    limits = Limits(60.0, wall=300.0)
    sources = [right("first"), *(ENDLESS.format(i) for i in range(20))]
    async with box.verifying(sources, SUITE, limits) as results:
        async for index, _ in results:
            assert index == 0
            break
    assert await programs.are(0)
    assert (await box.verify(right("afterwards"), SUITE, LIMITS)).verdict == "passed"


async def test_an_exception_in_the_block_ends_what_is_under_way(box: Sandbox, programs: Started) -> None:
    with pytest.raises(KeyError):
        async with box.verifying([ENDLESS.format("y")] * 2, SUITE, Limits(60.0, wall=300.0)):
            raise KeyError("of the caller's")
    assert await programs.are(0)


async def test_hopeless_programs_come_last() -> None:
    limits = Limits(60.0, wall=300.0, patience=5.0)
    programs = [ENDLESS.format(1), ENDLESS.format(2), wrong("p"), *(right(i) for i in range(6))]
    async with Sandbox(workers=1) as box:
        found = await all_of(box, programs, limits)
    assert sorted(index for index, _ in found[-2:]) == [0, 1]
    assert [one.verdict for _, one in found[-2:]] == ["timeout", "timeout"]
    assert all(one.cpu_seconds < 10 for _, one in found), "the limit of those that loop is that of a right program"


async def test_a_program_that_needs_longer_than_a_slice_is_put_back_and_passes() -> None:
    async with Sandbox(workers=1) as box:
        found = await all_of(box, [slow("s", 0.25), right("quick")], Limits(20.0, wall=60.0, patience=1000.0))
    assert [(index, one.verdict) for index, one in found] == [(1, "passed"), (0, "passed")]


async def test_where_nothing_has_passed_those_put_back_have_all_their_time() -> None:
    async with Sandbox(workers=1) as box:
        found = await all_of(box, [slow("alone", 0.3)], Limits(20.0, wall=60.0, patience=1.5))
    assert [one.verdict for _, one in found] == ["passed"]


async def test_patience_is_for_the_same_suite_only(box: Sandbox) -> None:
    """One program after another: the second has as long as the first, and not the whole limit."""
    limits = Limits(30.0, wall=60.0, patience=2.0)
    other = Calls("f", (Call((1,), 2), Call((3,), 4)))
    assert (await box.verify(right("known"), other, limits)).verdict == "passed"
    ended = await box.verify(ENDLESS.format("known"), other, limits)
    assert ended.verdict == "timeout"
    assert ended.cpu_seconds < 5
    assert (await box.verify(slow("fresh", 0.3), Calls("f", (Call((7,), 8),)), limits)).verdict == "passed"


async def test_a_sandbox_that_cannot_be_had_is_told_to_whoever_iterates() -> None:
    async with Sandbox(workers=1, min_level=9) as box:
        with pytest.raises(SandboxUnavailable, match="level 9 is wanted"):
            await all_of(box, [right(1), right(2)])
