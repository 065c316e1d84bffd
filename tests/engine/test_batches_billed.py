"""What a batch costs from end to end: what is set aside for it and what is billed, by a provider behind HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.ledger import NOTHING, Scope
from orchestrator.protocols import BatchBackend
from orchestrator.serving import backend_of, batch_of
from orchestrator.types import BatchTerms, Expert, Price
from tests.double import Double
from tests.engine.stage import request

PRICE = Price(1e-3, 4e-3, request=0.5)
CALLS = 3


class Watched:
    """The provider's batches, and what is set aside as each leaves."""

    def __init__(self, inner: BatchBackend, scope: Scope, seen: list[float]) -> None:
        self._inner, self._scope, self._seen = inner, scope, seen

    @classmethod
    def of(cls, scope: Scope, seen: list[float], expert: Expert) -> BatchBackend:
        return cast("BatchBackend", cls(batch_of(expert), scope, seen))

    async def submit(self, lines: Sequence[bytes], mode: str, token: str) -> str:
        self._seen.append(self._scope.reserved.usd)
        return await self._inner.submit(lines, mode, token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize(("terms", "share"), [(BatchTerms(price=0.3), 0.3), (BatchTerms(), 0.5)], ids=["own", "half"])
async def test_what_is_set_aside_and_what_is_billed_have_the_share_of_a_batch(terms: BatchTerms, share: float) -> None:
    scope, reserved = Scope("run", paid=True), list[float]()
    price = Price(PRICE.prompt * share, PRICE.completion * share, request=PRICE.request)
    async with Double(answers={"42": 1.0}, batches={"seconds": 0.0}) as double:
        expert = Expert("e", "openai/m", api_base=double.base_url, price=PRICE, batch=terms)
        watched = partial(Watched.of, scope, reserved)
        making = Engine({"e": expert}, backend_of, MemoryJournal(), batch_of=watched)
        async with making as engine, asyncio.TaskGroup() as group:
            tasks = [group.create_task(engine.ask(request(f"q{i}"), Seat(scope))) for i in range(CALLS)]
    tokens = [task.result().completion.tokens for task in tasks]
    worst = sum(price.most(request(f"q{i}").size + 32, 100) for i in range(CALLS))
    assert reserved == [pytest.approx(worst)]
    assert [each.usd for each in tokens] == [pytest.approx(price.of(each.prompt, each.completion)) for each in tokens]
    assert (scope.spent.usd, scope.reserved) == (pytest.approx(sum(each.usd for each in tokens)), NOTHING)
