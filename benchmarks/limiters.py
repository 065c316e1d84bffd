"""Who waits for a rate limit in `benchmarks.limits`: our engine, and plain clients behind limiters of several kinds."""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

Ask: TypeAlias = Callable[[str, int, str], Awaitable[object]]
_CAP = 1024


@asynccontextmanager
async def ours(base: str, per_minute: dict[str, float], concurrency: int) -> AsyncIterator[Ask]:
    """The engine with its journal on disk, the direct client, and a capped scope for each hundred callers."""
    from orchestrator import Budget, Expert, Message
    from orchestrator.engine import Engine, Seat, SqliteJournal
    from orchestrator.ledger import Scope
    from orchestrator.serving import backend_of
    from orchestrator.types import Request, Sampling

    limits: dict[str, Any] = per_minute
    expert = Expert("m", "openai/m", client="direct", api_base=base, concurrency=concurrency, **limits)
    experts = {name: replace(expert, id=name, model=f"openai/{name}") for name in ("m", "n", "o")}
    experts["warm"] = replace(expert, id="warm", model="openai/warm", rpm=None, tpm=None)
    run = Scope("run", Budget(calls=10**6), paid=True)
    scopes = [Scope(f"problem {i}", Budget(calls=10**5), run) for i in range(100)]
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "journal.sqlite")
        async with Engine(experts, backend_of, journal) as engine:

            async def ask(question: str, number: int, model: str) -> object:
                body = (Message("user", question),)
                asked = Request(model, f"openai/{model}", body, Sampling(max_tokens=_CAP))
                return await engine.ask(asked, Seat(scopes[number % 100], turn=number % 7))

            yield ask


@asynccontextmanager
async def client(base: str, permit: Callable[[], Awaitable[None]]) -> AsyncIterator[Ask]:
    """A plain client behind a limiter."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(question: str, number: int, model: str) -> object:
            if model != "warm":
                await permit()
            body = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": _CAP}
            try:
                async with session.post(f"{base}/chat/completions", json=body) as reply:
                    return await reply.json()
            except (aiohttp.ClientError, TimeoutError):
                return None  # a thousand at once may be more than the machine takes: these are lost

        yield ask


@asynccontextmanager
async def throttle(base: str, per_minute: dict[str, float], concurrency: int) -> AsyncIterator[Ask]:
    from asyncio_throttle.throttler import Throttler

    async with client(base, Throttler(int(per_minute["rpm"] / 60)).acquire) as ask:
        yield ask


@asynccontextmanager
async def locked(base: str, per_minute: dict[str, float], concurrency: int) -> AsyncIterator[Ask]:
    from asyncio_throttle.throttler import Throttler

    lock, throttler = asyncio.Lock(), Throttler(int(per_minute["rpm"] / 60))

    async def permit() -> None:
        async with lock:
            await throttler.acquire()

    async with client(base, permit) as ask:
        yield ask


@asynccontextmanager
async def timer(base: str, per_minute: dict[str, float], concurrency: int) -> AsyncIterator[Ask]:
    """A queue in order of coming, and one timer for its head."""
    loop, gap = asyncio.get_running_loop(), 60 / per_minute["rpm"]
    queue: deque[asyncio.Future[None]] = deque()
    due = loop.time()

    def fire() -> None:
        nonlocal due
        while queue and due <= loop.time():
            future = queue.popleft()
            if not future.done():
                future.set_result(None)
                due = max(due, loop.time() - 0.01) + gap
        if queue:
            loop.call_at(due, fire)

    async def permit() -> None:
        future = loop.create_future()
        queue.append(future)
        if len(queue) == 1:
            loop.call_at(max(due, loop.time()), fire)
        await future

    async with client(base, permit) as ask:
        yield ask


CONTESTANTS: dict[str, Any] = {"ours": ours, "throttle": throttle, "throttle+lock": locked, "FIFO timer": timer}
