"""How a model is brought in: by its first call or by a loader, and what is told of it."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.engine import Engine, unlimited
from orchestrator.engine.residents import LEAD
from orchestrator.errors import ConfigError, LoadFailed
from orchestrator.protocols import Loader
from orchestrator.types import Expert
from tests.engine.card import Card, all_of, asked, group, on_card, seat


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
