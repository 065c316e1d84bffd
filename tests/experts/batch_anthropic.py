"""Anthropic's message batches over a double of it: whom they are asked of, and what is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from orchestrator.experts.batch_anthropic import MessageBatches
from orchestrator.types import BatchTerms, Expert, Price, Request
from tests.double import Double
from tests.experts.serving import request as any_request

PRICE = Price(1e-6, 4e-6)
OLD, NEW = "anthropic/claude-3-5-haiku-latest", "anthropic/claude-sonnet-4-5"


def request(text: str = "What is 6 x 7?", model: str = OLD, **fields: Any) -> Request:
    return any_request(text, model=model, **fields)


def expert(base: str | None, model: str = OLD, **fields: Any) -> Expert:
    base = base and base.removesuffix("/v1")
    return Expert("e", model, api_base=base, price=PRICE, batch=BatchTerms(), timeout=20, **fields).by_batch


@asynccontextmanager
async def served(model: str = OLD, **settings: Any) -> AsyncIterator[tuple[Double, MessageBatches]]:
    desk = settings.pop("messages", {})
    async with Double(messages=desk, **settings) as double:
        batches = MessageBatches(expert(double.base_url, model))
        try:
            yield double, batches
        finally:
            await batches.aclose()
