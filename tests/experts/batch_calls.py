"""What tests of batches do with each provider's: requests are sent as one, and its results are fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator.protocols import BatchBackend
from orchestrator.types import BatchResult, Request

TOKEN = "0123456789abcdef" * 2


async def sent(batches: BatchBackend, requests: Sequence[Request], token: str = TOKEN) -> str:
    """The provider's name of the batch."""
    lines = await asyncio.to_thread(lambda: [batches.line(each) for each in requests])
    return await batches.submit(lines, "chat", token)


async def results(batches: BatchBackend, id_: str, requests: Sequence[Request]) -> dict[bytes, BatchResult]:
    """By key, what became of the requests of a batch that has ended."""
    standing = await batches.look(id_)
    assert standing.ended
    return {r.key: r for r in await batches.results(standing, {each.key: each for each in requests})}
