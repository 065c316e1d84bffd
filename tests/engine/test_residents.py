"""Experts that share a card: drained one after the other, loaded as seldom as can be, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from orchestrator.engine import Engine, Seat, unlimited
from orchestrator.engine.residents import LATE
from orchestrator.errors import ConfigError
from orchestrator.types import capacity_of
from tests.engine.card import Card, all_of, asked, group, on_card, runs, seat


def test_calls_that_come_in_any_order_load_each_model_once() -> None:
    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [("abcd"[i % 4], seat(unlimited())) for i in range(40)])

    card, engine = on_card(work, group("abcd"))
    assert sorted(card.loads) == list("abcd")
    assert card.most_at_once == 1
    assert engine.groups.loads == dict.fromkeys("abcd", 1)


def test_without_a_group_models_are_asked_as_calls_come() -> None:
    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [("abcd"[i % 4], seat(unlimited())) for i in range(8)])

    card, engine = on_card(work, group("abcd", resident_group=None), capacity=4)
    assert card.most_at_once == 4
    assert not engine.groups.loads


def test_as_many_models_are_asked_at_once_as_fit() -> None:
    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [("abcd"[i % 4], seat(unlimited())) for i in range(40)])

    card, _ = on_card(work, group("abcd", resident_capacity=2), capacity=2)
    assert card.most_at_once == 2
    assert sorted(card.loads) == list("abcd")


def test_a_model_is_served_until_it_is_dry_also_what_comes_meanwhile() -> None:
    async def chain(engine: Engine, place: Seat) -> None:
        for step in range(6):
            await engine.ask(asked("a", f"step {step}"), place)

    async def work(engine: Engine, card: Card) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(chain(engine, seat(unlimited())))
            tasks.create_task(chain(engine, seat(unlimited())))
            for n in range(3):
                tasks.create_task(engine.ask(asked("b", f"other {n}"), seat(unlimited())))

    assert runs(on_card(work, group("ab"))[0]) == "ba"


def test_a_strategy_that_asks_again_once_its_tasks_have_ended_finds_its_model_still_loaded() -> None:
    """Several tasks wake one after the other until the next question comes, in no time but some passes of the loop."""

    async def inner(engine: Engine, place: Seat, step: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for sample in range(3):
                tasks.create_task(engine.ask(asked("a", f"step {step}", sample), place))

    async def work(engine: Engine, card: Card) -> None:
        place = seat(unlimited())

        async def follow() -> None:
            for step in range(4):
                async with asyncio.TaskGroup() as outer:
                    outer.create_task(inner(engine, place, step))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow())
            tasks.create_task(engine.ask(asked("b", "other"), seat(unlimited())))

    assert runs(on_card(work, group("ab"))[0]) == "ab"


def test_a_model_that_is_dry_gives_way_without_a_pause() -> None:
    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [(name, seat(unlimited())) for name in "aab"])
        assert asyncio.get_running_loop().time() == pytest.approx(2 * (card.load_s + 1.0))

    on_card(work, group("ab"))


def test_experts_that_share_a_model_are_asked_together() -> None:
    experts = group("ab")
    experts["twin"] = replace(experts["a"], id="twin", persona="You are careful.")

    async def work(engine: Engine, card: Card) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name, model in (("a", "a"), ("b", "b"), ("twin", "a"), ("b", "b")):
                request = replace(asked(name, name), model=model, sample_index=len(tasks._tasks))
                tasks.create_task(engine.ask(request, seat(unlimited())))

    assert runs(on_card(work, experts)[0]) in ("ab", "ba")


def test_what_lets_problems_go_on_comes_before_what_does_not() -> None:
    async def work(engine: Engine, card: Card) -> None:
        both = seat(unlimited())
        calls = [("a", both), ("a", both), ("b", seat(unlimited())), ("b", seat(unlimited())), ("c", both)]
        await all_of(engine, calls)

    assert runs(on_card(work, group("abc"))[0])[0] == "b"


def test_a_model_that_is_declared_for_later_waits_for_what_was_declared() -> None:
    async def work(engine: Engine, card: Card) -> None:
        declared = engine.groups.coming.declare({"a": 4})
        place = replace(seat(unlimited()), declared=declared)

        async def one(number: int) -> None:
            await engine.ask(asked("b", f"first {number}"), place)
            await engine.ask(asked("a", f"then {number}"), place)

        async with asyncio.TaskGroup() as tasks:
            for number in range(4):
                tasks.create_task(one(number))
            for number in range(6):
                tasks.create_task(engine.ask(asked("a", f"others {number}"), seat(unlimited())))
        assert not +engine.groups.coming.calls

    assert runs(on_card(work, group("ab"))[0]) == "ba"


def test_calls_that_a_models_own_replies_bring_are_no_reason_to_load_it_later() -> None:
    async def work(engine: Engine, card: Card) -> None:
        async def twice(number: int) -> None:
            place = seat(unlimited())
            declared = engine.groups.coming.declare({"a": 2}, problem=place.leaving)
            place = replace(place, declared=declared)
            for step in range(2):
                await engine.ask(asked("a", f"{number}.{step}"), place)

        async with asyncio.TaskGroup() as tasks:
            for number in range(5):
                tasks.create_task(twice(number))
            for number in range(2):
                tasks.create_task(engine.ask(asked("b", f"other {number}"), seat(unlimited())))

    assert runs(on_card(work, group("ab"))[0]) == "ab"


def test_declared_calls_that_never_come_keep_nothing_loaded_and_nobody_waiting() -> None:
    async def work(engine: Engine, card: Card) -> None:
        engine.groups.coming.declare({"a": 1000, "b": 1000})
        await all_of(engine, [(name, seat(unlimited())) for name in "aabbbcc"])

    card, _ = on_card(work, group("abc"))
    assert sorted(runs(card)) == list("abc")


def test_a_model_that_never_runs_dry_makes_room_after_many_calls() -> None:
    async def work(engine: Engine, card: Card) -> None:
        over = asyncio.Event()

        async def flood(number: int) -> None:
            place, step = seat(unlimited()), 0
            while not over.is_set():
                step += 1
                assert step < 400, "nobody else gets a turn"
                await engine.ask(asked("a", f"{number}.{step}"), place)

        async with asyncio.TaskGroup() as tasks:
            for number in range(4):
                tasks.create_task(flood(number))
            await asyncio.sleep(5.0)
            await engine.ask(asked("b", "one that waits"), seat(unlimited()))
            over.set()

    card, _ = on_card(work, group("ab"))
    assert LATE <= card.served.index("b") <= LATE + 40
    assert runs(card) == "aba"


def test_a_model_that_was_to_make_room_goes_on_where_whoever_waited_has_left() -> None:
    async def work(engine: Engine, card: Card) -> None:
        async def many(number: int) -> None:
            place = seat(unlimited())
            for step in range(LATE):
                await engine.ask(asked("a", f"{number}.{step}"), place)
                if len(card.served) > LATE:  # the next call is kept back
                    waiting.cancel()

        waiting = asyncio.ensure_future(engine.ask(asked("b", "one that waits"), seat(unlimited())))
        async with asyncio.TaskGroup() as tasks:
            for number in range(2):
                tasks.create_task(many(number))
        await asyncio.wait([waiting])

    assert on_card(work, group("ab"))[0].served.count("a") == 2 * LATE


def test_experts_of_a_group_that_contradict_each_other_are_refused_at_once() -> None:
    experts = [*group("a", resident_capacity=1).values(), *group("b", resident_capacity=2).values()]
    with pytest.raises(ConfigError, match="resident_group 'card': its experts give resident_capacity 1 and 2"):
        Engine({e.id: e for e in experts}, Card().backend, None)  # type: ignore[arg-type]


def test_one_expert_says_how_many_fit_for_all() -> None:
    experts = [*group("a").values(), *group("b", resident_capacity=2).values()]
    assert (capacity_of("card", experts), capacity_of("card", experts[:1])) == (2, 1)
