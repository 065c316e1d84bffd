from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from orchestrator.experts.channel import library
from orchestrator.experts.network import NetworkBackend
from orchestrator.serving import backend_of
from orchestrator.types import Expert
from tests.experts.serving import Canned


@pytest.fixture
async def canned() -> AsyncIterator[Callable[..., Awaitable[Canned]]]:
    """`server = await canned(429, {"error": {...}}, {"retry-after": "7"})`."""
    async with AsyncExitStack() as stack:

        async def start(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Canned:
            text = body if isinstance(body, str) else json.dumps(body)
            return await stack.enter_async_context(Canned(status, text, headers or {}))

        yield start


@pytest.fixture(params=["litellm", "direct"])
def client(request: pytest.FixtureRequest) -> str:
    """Both ways to a server, which must come to the same; a test of one of them is parametrized with its name."""
    return str(request.param)


@pytest.fixture
def litellm_is_there(client: str) -> None:
    """Whoever uses litellm first would wait seconds for it in the middle of a test."""
    if client == "litellm":
        library()


@pytest.fixture
async def served(client: str, litellm_is_there: None) -> AsyncIterator[Callable[..., NetworkBackend]]:
    """`backend = served(server.base_url, timeout=5)`, closed at the end of the test."""
    async with AsyncExitStack() as stack:

        def make(api_base: str | None, **fields: Any) -> NetworkBackend:
            expert = Expert(**{"id": "e", "model": "openai/m", "client": client, "api_base": api_base, **fields})
            backend = backend_of(expert)
            assert isinstance(backend, NetworkBackend)
            stack.push_async_callback(backend.aclose)
            return backend

        yield make
