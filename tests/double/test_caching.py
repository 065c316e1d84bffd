"""The double's cache of the beginnings of prompts."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from tests.double import Double
from tests.double.client import ask, streamed, until

LONG = "a long problem statement, " * 400
"""10,400 characters: 2,600 tokens."""


async def cached(client: aiohttp.ClientSession, double: Double, text: str, **body: Any) -> int:
    usage = (await ask(client, double, text, **body))[2]["usage"]
    return int(usage.get("prompt_tokens_details", {}).get("cached_tokens", 0))


async def test_what_two_prompts_share_is_read_from_it_in_whole_blocks(client: aiohttp.ClientSession) -> None:
    async with Double(cache=128) as double:
        assert await cached(client, double, LONG + "one") == 0
        assert await cached(client, double, LONG + "two") == 2560
        assert await cached(client, double, LONG[:6000] + "three") == 1408
        assert await cached(client, double, "another" + LONG) == 0
        assert await cached(client, double, LONG + "two", model="other") == 0
        assert double.stats.delivered.cached == 2560 + 1408


async def test_nothing_short_and_nothing_of_a_server_without_one_is_cached(client: aiohttp.ClientSession) -> None:
    async with Double(cache=128) as double:
        assert [await cached(client, double, "short") for _ in range(2)] == [0, 0]
    async with Double() as double:
        assert [await cached(client, double, LONG) for _ in range(2)] == [0, 0]


async def test_it_is_warm_from_the_first_token_on_and_not_before(client: aiohttp.ClientSession) -> None:
    async with Double(cache=128, latency=600.0, first_token=0.01) as double, asyncio.TaskGroup() as group:
        first = group.create_task(streamed(client, double, LONG))
        await until(lambda: double.stats.in_flight == 1)
        assert not double.cache.held
        await until(lambda: double.cache.held)
        double.configure(latency=0.0)
        assert await cached(client, double, LONG) == 2560
        first.cancel()


async def test_of_marked_prompts_only_what_is_before_a_mark_is_kept_and_writing_it_is_told(
    client: aiohttp.ClientSession,
) -> None:
    async with Double(cache=128, cache_marked=True) as double:

        async def used(*pieces: str, mark: bool = True) -> tuple[int, int]:
            parts: list[dict[str, Any]] = [{"type": "text", "text": piece} for piece in pieces]
            if mark:
                parts[0]["cache_control"] = {"type": "ephemeral"}
            body = (await ask(client, double, messages=[{"role": "user", "content": parts}]))[2]
            details = body["usage"].get("prompt_tokens_details", {})
            return details.get("cached_tokens", 0), details.get("cache_write_tokens", 0)

        assert await used(LONG, "one", mark=False) == (0, 0)
        assert await used(LONG, "two") == (0, 2600)
        assert await used(LONG, "three") == (2600, 0)
        assert await used(LONG + "!", "four") == (0, 2600)
        assert await used("short", "five") == (0, 0)


async def test_a_text_in_pieces_is_answered_as_the_whole_one_is(client: aiohttp.ClientSession) -> None:
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "6 x 7?", "cache_control": {}}]
    async with Double() as double:
        whole = (await ask(client, double))[2]["choices"]
        assert (await ask(client, double, messages=[{"role": "user", "content": parts}]))[2]["choices"] == whole
