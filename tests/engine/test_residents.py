"""Experts that share a card: drained one after the other, loaded as seldom as can be, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, Seat, unlimited
from orchestrator.engine.residents import LATE, LEAD
from orchestrator.errors import BudgetExceeded, ConfigError, LoadFailed, RateLimited
from orchestrator.ledger import Scope
from orchestrator.protocols import Loader
from orchestrator.types import Expert, capacity_of
from tests.clock import route_time, run_virtual
from tests.engine.card import Card, asked, engine_on, group, seat

Work = Callable[[Engine, Card], Awaitable[None]]


def on_card(
    work: Work, experts: dict[str, Expert], more: dict[str, Any] | None = None, **card: Any
) -> tuple[Card, Engine]:
    async def main() -> tuple[Card, Engine]:
        shared = Card(**card)
        async with engine_on(shared, experts, **(more or {})) as engine:
            await work(engine, shared)
        return shared, engine

    return run_virtual(main())[0]


async def all_of(engine: Engine, calls: Sequence[tuple[str, Seat]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number, (expert, place) in enumerate(calls):
            tasks.create_task(engine.ask(asked(expert, f"question {number}"), place))


def runs(card: Card) -> str:
    return "".join(model for model, _ in groupby(card.served))


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


def test_the_first_call_to_a_model_goes_ahead_so_that_the_server_begins_to_load_it() -> None:
    left: list[float] = []

    async def work(engine: Engine, card: Card) -> None:
        async def watched() -> None:
            while len(left) < 20:
                left.extend([asyncio.get_running_loop().time()] * (len(card.served) - len(left)))
                await asyncio.sleep(LEAD / 10)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watched())
            tasks.create_task(all_of(engine, [("a", seat(unlimited())) for _ in range(20)]))

    on_card(work, group("ab"))
    assert left[1] - left[0] == pytest.approx(LEAD, rel=0.2)
    assert left[-1] == left[1]


def test_a_first_call_that_is_called_off_leaves_its_place_to_the_next() -> None:
    async def work(engine: Engine, card: Card) -> None:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(engine.ask(asked("a", "first"), seat(unlimited())))
            tasks.create_task(all_of(engine, [("a", seat(unlimited())) for _ in range(5)]))
            await asyncio.sleep(LEAD / 2)
            assert card.served == ["a"]
            first.cancel()
        assert len(card.served) == 6

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


def test_a_call_that_a_budget_holds_back_is_no_reason_to_load() -> None:
    """One call is left, and it is out at `a`: what waits for `b` is refused when that has settled, without a load."""

    async def work(engine: Engine, card: Card) -> None:
        scope = Scope("problem", Budget(calls=1))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.ask(asked("a", "one"), seat(scope)))
            await asyncio.sleep(0.5)
            with pytest.raises(BudgetExceeded):
                await engine.ask(asked("b", "two"), seat(scope))

    assert on_card(work, group("ab"))[1].groups.loads == {"a": 1}


def test_while_a_server_asks_to_wait_another_model_is_served() -> None:
    storm = iter([RateLimited("slow down", retry_after=30.0)])

    async def work(engine: Engine, card: Card) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.ask(asked("a", "one"), seat(unlimited())))
            await asyncio.sleep(0.1)
            for number in range(3):
                tasks.create_task(engine.ask(asked("b", f"other {number}"), seat(unlimited())))

    card, _ = on_card(work, group("ab"), fault=lambda rng: next(storm, None))
    assert runs(card) == "aba"


def test_a_pause_that_ends_while_nothing_else_happens_is_noticed() -> None:
    storm = iter([RateLimited("slow down", retry_after=30.0)])

    async def work(engine: Engine, card: Card) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.ask(asked("a", "one"), seat(unlimited())))
            await asyncio.sleep(5.0)
            await engine.ask(asked("b", "other"), seat(unlimited()))
            tasks.create_task(engine.ask(asked("a", "two"), seat(unlimited())))

    assert runs(on_card(work, group("ab"), fault=lambda rng: next(storm, None))[0]) == "aba"


def test_while_a_rate_limit_holds_a_model_for_long_another_is_served_and_then_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    route_time(monkeypatch)
    experts = group("ab")
    experts["a"] = replace(experts["a"], rpm=1)
    answered: dict[str, float] = {}

    async def work(engine: Engine, card: Card) -> None:
        async def one(name: str, text: str) -> None:
            await engine.ask(asked(name, text), seat(unlimited()))
            answered[text] = asyncio.get_running_loop().time()

        async with asyncio.TaskGroup() as tasks:
            for name, text in [("a", "first"), ("a", "second"), ("b", "third")]:
                tasks.create_task(one(name, text))

    card, _ = on_card(work, experts)
    assert answered["third"] < 10
    assert 55 <= answered["second"] < 70
    assert card.loads == ["a", "b", "a"]


def test_a_model_that_may_be_asked_again_soon_is_not_put_out_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)
    experts = group("ab")
    experts["a"] = replace(experts["a"], rpm=20)

    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [("a", seat(unlimited()))] * 4 + [("b", seat(unlimited()))])

    assert on_card(work, experts)[0].loads == ["a", "b"]


def test_what_is_queued_behind_a_pause_keeps_no_model_loaded() -> None:
    storm = iter([RateLimited("slow down", retry_after=30.0)])
    order: list[str] = []

    async def work(engine: Engine, card: Card) -> None:
        async def one(name: str, text: str) -> None:
            await engine.ask(asked(name, text), seat(unlimited()))
            order.append(text)

        async with asyncio.TaskGroup() as tasks:
            for name, text in (("a", "first"), ("a", "second"), ("b", "other")):
                tasks.create_task(one(name, text))

    on_card(work, group("ab", concurrency=1), fault=lambda rng: next(storm, None))
    assert order[0] == "other"


def test_whoever_comes_during_a_pause_is_served_after_it_though_nobody_else_comes() -> None:
    storm = iter([RateLimited("slow down", retry_after=30.0)])

    async def work(engine: Engine, card: Card) -> None:
        first = asyncio.ensure_future(engine.ask(asked("a", "one"), seat(unlimited())))
        await asyncio.sleep(5.0)
        first.cancel()
        await engine.ask(asked("b", "other"), seat(unlimited()))
        await engine.ask(asked("a", "two"), seat(unlimited()))

    assert runs(on_card(work, group("ab"), fault=lambda rng: next(storm, None))[0]) == "aba"


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


def test_whoever_leaves_while_its_model_is_loaded_leaves_the_others_their_turn() -> None:
    async def work(engine: Engine, card: Card) -> None:
        first = asyncio.ensure_future(engine.ask(asked("a", "one"), seat(unlimited())))
        waiting = [asyncio.ensure_future(engine.ask(asked("b", f"{n}"), seat(unlimited()))) for n in range(3)]
        last = asyncio.ensure_future(engine.ask(asked("c", "last"), seat(unlimited())))
        await asyncio.sleep(0.5)
        for task in waiting:
            task.cancel()
        await asyncio.wait([first, *waiting, last])

    assert "c" in on_card(work, group("abc"))[0].loads


def test_experts_of_a_group_that_contradict_each_other_are_refused_at_once() -> None:
    experts = [*group("a", resident_capacity=1).values(), *group("b", resident_capacity=2).values()]
    with pytest.raises(ConfigError, match="resident_group 'card': its experts give resident_capacity 1 and 2"):
        Engine({e.id: e for e in experts}, Card().backend, None)  # type: ignore[arg-type]


def test_one_expert_says_how_many_fit_for_all() -> None:
    experts = [*group("a").values(), *group("b", resident_capacity=2).values()]
    assert (capacity_of("card", experts), capacity_of("card", experts[:1])) == (2, 1)


class Hook:
    """A loader that takes a while, and may fail."""

    def __init__(self, log: list[str], fails: bool = False) -> None:
        self.log, self.fails = log, fails

    async def load(self, expert: Expert) -> None:
        await self.note("load", expert)

    async def unload(self, expert: Expert) -> None:
        await self.note("unload", expert)

    async def note(self, what: str, expert: Expert) -> None:
        await asyncio.sleep(1.0)
        self.log.append(f"{what} {expert.id}")
        if self.fails:
            raise LoadFailed(f"cannot {what}", expert=expert.id)

    async def aclose(self) -> None:
        self.log.append("closed")


@pytest.mark.parametrize("fails", [False, True], ids=["well", "failing"])
def test_servers_are_told_what_goes_and_comes_and_a_failure_is_told_and_ends_nothing(fails: bool) -> None:
    log, told = list[str](), list[str]()

    def loader_of(expert: Expert) -> Loader | None:
        return Hook(log, fails)

    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [("a", seat(unlimited())), ("a", seat(unlimited())), ("b", seat(unlimited()))])
        log.append("done")

    card, _ = on_card(work, group("abc"), {"loader_of": loader_of, "tell": told.append})
    before = ["unload b", "unload c", "load a", "unload a", "load b", "done"]
    assert log == [*before, "closed", "closed", "closed"]
    assert card.loads == ["a", "b"]
    assert told == ([f"{line.split()[1]}: cannot {line.split()[0]}" for line in before[:-1]] if fails else [])


def test_a_loader_that_cannot_be_made_is_an_error_before_anything_is_asked() -> None:
    def loader_of(expert: Expert) -> Loader | None:
        raise ConfigError(f"expert '{expert.id}': give api_base")

    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [("a", seat(unlimited()))])

    with pytest.raises(ConfigError, match="give api_base"):
        on_card(work, group("ab"), {"loader_of": loader_of})


def test_the_last_loads_are_remembered_one_by_one() -> None:
    async def work(engine: Engine, card: Card) -> None:
        await all_of(engine, [("a", seat(unlimited())), ("a", seat(unlimited())), ("b", seat(unlimited()))])

    _, engine = on_card(work, group("ab"))
    told = [(one.group, one.expert, one.evicted, one.waiting, one.at) for one in engine.groups.history]
    assert told == [("card", "a", None, 2, 0.0), ("card", "b", "a", 1, 3.0)]
