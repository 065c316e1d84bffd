"""Models whose calls a budget, a pause or a rate limit holds back: another is served meanwhile, and then they go on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, unlimited
from orchestrator.errors import BudgetExceeded, RateLimited
from orchestrator.ledger import Scope
from tests.clock import route_time
from tests.engine.card import Card, all_of, asked, group, on_card, runs, seat


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
