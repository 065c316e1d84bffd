"""Loads that only what was learned from other problems explains."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import groupby

import pytest

from orchestrator.conduct import Conduct, Setting
from orchestrator.contest import contestant_for
from orchestrator.engine import Engine, Seat, unlimited
from orchestrator.types import Message, Problem
from tests.clock import run_virtual
from tests.engine.card import Card, asked, engine_on, group, seat

Work = Callable[[Engine], Awaitable[None]]


def served(work: Work, names: str) -> str:
    """Models in the order in which they were asked, each once in a row."""

    async def main() -> str:
        card = Card()
        async with engine_on(card, group(names)) as engine:
            await work(engine)
            assert not engine.groups.habits.open
        return "".join(model for model, _ in groupby(card.served))

    return run_virtual(main())[0]


async def solved(engine: Engine, name: str, chain: Sequence[str], kind: str = "alike") -> None:
    """A problem that asks one model after the other, and says nothing of it before."""
    place = seat(unlimited())
    place.leaving.followed = followed = engine.groups.follow(kind)
    assert followed is not None
    for stage, model in enumerate(chain):
        await engine.ask(asked(model, f"{name}.{stage}"), replace(place, stage=stage))
    engine.groups.habits.end(followed)


async def taught(engine: Engine) -> None:
    """Some of the kind `alike` have ended with `w`; after them another model is loaded."""
    for number in range(4):
        await solved(engine, f"before {number}", ("a", "w"))
    await engine.ask(asked("c", "between"), seat(unlimited()))


async def at_once(engine: Engine, kind: str) -> None:
    """Of five problems each asks `a` or `b` and then the writer, whom six calls wait for already."""
    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(engine.ask(asked("w", f"other {number}"), seat(unlimited())))
        for number in range(5):
            tasks.create_task(solved(engine, f"problem {number}", ("aaabb"[number], "w"), kind))


def test_a_writer_whom_others_asked_in_the_end_is_loaded_when_those_before_him_are_done() -> None:
    async def work(engine: Engine) -> None:
        await taught(engine)
        await at_once(engine, "alike")

    assert served(work, "abcw")[len("awawawawc") :] == "abw"


def test_of_another_kind_of_problems_nothing_is_known() -> None:
    async def work(engine: Engine) -> None:
        await taught(engine)
        await at_once(engine, "another")

    assert served(work, "abcw")[len("awawawawc") :] == "wabw"


def test_what_is_expected_and_never_comes_keeps_nothing_loaded_and_nobody_waiting() -> None:
    async def work(engine: Engine) -> None:
        await taught(engine)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.ask(asked("w", "other"), seat(unlimited())))
            for number in range(5):
                tasks.create_task(solved(engine, f"problem {number}", ("a",)))
        start = asyncio.get_running_loop().time()
        await engine.ask(asked("b", "at last"), seat(unlimited()))
        assert asyncio.get_running_loop().time() == pytest.approx(start + 3.0)

    assert served(work, "abcw")[len("awawawawc") :] == "awb"


def test_calls_of_problems_that_end_with_them_come_after_those_that_let_others_go_on() -> None:
    async def work(engine: Engine) -> None:
        for number in range(4):
            await solved(engine, f"short {number}", ("c",), "short")
            await solved(engine, f"long {number}", ("d", "e"), "long")
        async with asyncio.TaskGroup() as tasks:
            for number in range(3):
                tasks.create_task(solved(engine, f"short {number}, later", ("a",), "short"))
            for number in range(3):
                tasks.create_task(solved(engine, f"long {number}, later", ("b", "e"), "long"))

    assert served(work, "abcde")[len("cde" * 4) :] == "bae"


def test_what_a_problem_declares_is_not_expected_a_second_time() -> None:
    async def declaring(engine: Engine, number: int) -> None:
        place = seat(unlimited())
        place.leaving.followed = followed = engine.groups.follow("alike")
        assert followed is not None
        declared = engine.groups.coming.declare({"a": 1, "w": 1}, problem=place.leaving)
        place: Seat = replace(place, declared=declared)
        await engine.ask(asked("a", f"{number}.0"), place)
        assert followed.to_come("w") == 0.0
        await engine.ask(asked("w", f"{number}.1"), replace(place, stage=1))
        engine.groups.habits.end(followed)

    async def work(engine: Engine) -> None:
        for number in range(5):
            await declaring(engine, number)

    assert served(work, "aw") == "aw" * 5


def test_problems_are_followed_from_their_strategy_to_their_choice() -> None:
    """Refining asks the same expert again, as those before it have shown."""

    async def main() -> list[float]:
        card, seen = Card(), list[float]()
        async with engine_on(card, group("abc")) as engine:
            experts = tuple(engine.experts.values())
            for number in range(4):
                problem = Problem(f"{number}", (Message("user", f"What is {number} + 2?"),), "number")
                conduct = Conduct(
                    problem, contestant_for(problem, "self_refine", "none", "majority"),
                    Setting(engine, experts), unlimited(),
                )  # fmt: skip
                task = asyncio.ensure_future(conduct())
                await asyncio.sleep(1.0)
                followed = conduct.table.leaving.followed
                assert followed is not None
                model = engine.groups.model("a")
                assert model is not None
                seen.append(followed.to_come(model))
                await task
                assert not engine.groups.habits.open
        return seen

    seen = run_virtual(main())[0]
    assert seen[0] == 0.0
    assert seen[-1] > 0.5


def test_where_no_models_share_memory_nobody_is_followed() -> None:
    async def main() -> None:
        async with engine_on(Card(), group("ab", resident_group=None)) as engine:
            assert engine.groups.follow("alike") is None

    run_virtual(main())
