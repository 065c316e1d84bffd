"""A plain HTTP client's view of the double, for its own tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp


async def ask(
    client: aiohttp.ClientSession, server: Any, text: str = "What is 6 x 7?", **body: Any
) -> tuple[int, dict[str, Any], Any]:
    """Status, headers and parsed body of one chat request."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **body}
    async with client.post(f"{server.base_url}/chat/completions", json=body) as reply:
        return reply.status, {k.lower(): v for k, v in reply.headers.items()}, json.loads(await reply.read())


async def streamed(
    client: aiohttp.ClientSession, server: Any, text: str = "What is 6 x 7?", **body: Any
) -> tuple[list[dict[str, Any]], bool]:
    """The pieces of one streamed answer, and whether it was told that they are all."""
    asked = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": True, **body}
    asked.setdefault("stream_options", {"include_usage": True})
    async with client.post(f"{server.base_url}/chat/completions", json=asked) as reply:
        lines = [line.removeprefix("data: ") for line in (await reply.text()).split("\n\n") if line]
    return [json.loads(line) for line in lines if line != "[DONE]"], lines[-1] == "[DONE]"


def texts(body: dict[str, Any]) -> list[str]:
    return [choice["message"]["content"] for choice in body["choices"]]


async def until(true: Any) -> None:
    """Waits for the other side of a socket."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 (the other side tells nobody)
            await asyncio.sleep(0.001)
