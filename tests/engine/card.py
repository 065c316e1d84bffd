"""A card on which only some models fit, on the loop's clock: it loads what it is asked, and counts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

from orchestrator.engine import Engine, Leaving, MemoryJournal, Seat
from orchestrator.errors import ExpertError
from orchestrator.ledger import Scope
from orchestrator.types import Completion, Expert, Message, Request, Response, Sampling, Tokens
from tests.clock import run_virtual


@dataclass(eq=False)
class Card:
    """Serves `slots` requests at once; a request for a model that is not loaded waits until nothing is out."""

    load_s: float = 2.0
    slots: int = 8
    capacity: int = 1
    seconds: Callable[[Request], float] = lambda request: 1.0
    fault: Callable[[random.Random], ExpertError | None] = lambda rng: None
    loads: list[str] = field(default_factory=list)
    served: list[str] = field(default_factory=list)
    """Models, in the order in which calls left."""
    out: dict[str, int] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)
    most_at_once: int = 0
    """Models that had requests out at the same time."""
    _rng: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.slots)
        self._loading: dict[str, asyncio.Future[None]] = {}

    async def complete(self, request: Request) -> Completion:
        model = request.model
        self.out[model] = self.out.get(model, 0) + 1
        self.served.append(model)
        self.most_at_once = max(self.most_at_once, sum(number > 0 for number in self.out.values()))
        error = self.fault(self._rng)
        try:
            async with self._room:
                await self._load(model)
                await asyncio.sleep(self.seconds(request))
        finally:
            self.out[model] -= 1
        if error is not None:
            raise error
        return Completion(f"{request.messages[-1].text} by {model}", tokens=Tokens(1, 1))

    async def _load(self, model: str) -> None:
        if model not in self.loaded:
            while len(self.loaded) >= self.capacity:
                self.loaded.remove(next(one for one in self.loaded if not self.out.get(one)))
            self.loaded.append(model)
            self.loads.append(model)
            self._loading[model] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(self.load_s, self._loading[model].set_result, None)
        await asyncio.shield(self._loading[model])

    def backend(self, expert: Expert) -> Slot:
        return Slot(self)


@dataclass(eq=False)
class Slot:
    """One expert's way to the card."""

    card: Card
    max_n = 1
    journalled = True

    async def complete(self, batch: Sequence[Request]) -> Response:
        assert len(batch) == 1
        reply = await self.card.complete(batch[0])
        return Response((reply,), reply.tokens)

    async def aclose(self) -> None:
        return None


def group(names: str, **settings: object) -> dict[str, Expert]:
    """An expert for each letter, all on one card."""
    settings = {"resident_group": "card", **settings}
    return {name: Expert(name, name, **settings) for name in names}  # type: ignore[arg-type]


def engine_on(card: Card, experts: dict[str, Expert], **more: object) -> Engine:
    return Engine(experts, card.backend, MemoryJournal(), **more)  # type: ignore[arg-type]


def asked(expert: str, text: str, sample: int = 0) -> Request:
    return Request(expert, expert, (Message("user", text),), Sampling(max_tokens=9), sample)


def seat(scope: Scope, turn: int = 0, stage: int = 0) -> Seat:
    """That of a problem of its own."""
    return Seat(scope, turn, stage, leaving=Leaving())


Work: TypeAlias = Callable[[Engine, Card], Awaitable[None]]


def on_card(
    work: Work, experts: dict[str, Expert], more: dict[str, Any] | None = None, **card: Any
) -> tuple[Card, Engine]:
    """The card and the engine once the work is done, on a clock of its own; `more` goes to the engine."""

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
    """Models in the order in which they were served, each once for as long as it was."""
    return "".join(model for model, _ in groupby(card.served))
