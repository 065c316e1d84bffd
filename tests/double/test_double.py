"""What the double counts, and how it runs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.double import Double, unused_url
from tests.double.client import ask, until


class TestCounters:
    async def test_show_what_was_answered_twice(self, client: aiohttp.ClientSession) -> None:
        async with Double(keep_bodies=True) as double:
            for text in ("a", "b", "a"):
                await ask(client, double, text)
            assert (len(double.stats.seen), list(double.stats.twice.values())) == (2, [2])
            assert [seen.body["messages"][0]["content"] for seen in double.requests] == ["a", "b", "a"]
            assert double.requests[0].headers["content-type"] == "application/json"
            double.reset()
            assert double.stats.requests == 0

    async def test_keep_conversations_apart_whatever_was_lost(self, client: aiohttp.ClientSession) -> None:
        async with Double(storms=[(1, 1)], storm_fault="502") as double:
            for text, n in (("a", 2), ("b", 3), ("b", 3)):
                await ask(client, double, text, n=n)
            assert {text: tally.samples for text, tally in double.stats.prompts.items()} == {"a": 2, "b": 6}
            assert sum(tally.tokens for tally in double.stats.prompts.values()) == double.stats.billed.tokens

    async def test_keep_models_apart(self, client: aiohttp.ClientSession) -> None:
        async with Double(models={"bad": {"faults": {"500": 1}}}) as double:
            await ask(client, double, n=3)
            await ask(client, double, model="bad")
            assert {m: (f.requests, f.delivered.samples) for m, f in double.stats.models.items()} == {
                "m": (1, 3),
                "bad": (1, 0),
            }

    async def test_see_how_many_are_in_flight(self, client: aiohttp.ClientSession) -> None:
        async with Double(latency=0.05) as double, asyncio.TaskGroup() as group:
            for i in range(7):
                group.create_task(ask(client, double, f"q{i}"))
            await until(lambda: double.stats.in_flight == 7)
        assert (double.stats.in_flight, double.stats.max_in_flight, double.stats.status["200"]) == (0, 7, 7)

    async def test_agree_with_the_usage_reported(self, client: aiohttp.ClientSession) -> None:
        async with Double(latency="exp:0.001") as double:
            usages = [(await ask(client, double, f"q{i}", n=1 + i % 3))[2]["usage"] for i in range(9)]
            assert double.stats.delivered.tokens == sum(usage["total_tokens"] for usage in usages)
            assert double.stats.delivered.samples == 18


class TestRunning:
    async def test_connections_are_kept_alive(self, client: aiohttp.ClientSession) -> None:
        async with Double() as double:
            for i in range(5):
                await ask(client, double, f"q{i}")
            assert double.stats.connections == 1

    async def test_settings_change_while_it_runs(self, client: aiohttp.ClientSession) -> None:
        async with Double(models={"m": {"max_n": 1}}) as double:
            double.configure(faults={"503": 1})
            assert (await ask(client, double))[0] == 503
            double.configure(faults={})
            assert len((await ask(client, double, n=2))[2]["choices"]) == 1

    async def test_nothing_listens_once_it_is_closed(self, client: aiohttp.ClientSession) -> None:
        async with Double() as double:
            await ask(client, double)
        for url in (double.base_url, unused_url()):
            with pytest.raises(aiohttp.ClientConnectorError):
                await client.get(f"{url}/models")

    async def test_process_answers_as_the_double_in_process(
        self, client: aiohttp.ClientSession, double_process: Any
    ) -> None:
        settings: dict[str, Any] = {"answers": {"42": 1}, "faults": {"500": 0.5}, "seed": 5, "rejects": {"stop"}}
        server = double_process(**settings, keep_bodies=True)
        async with Double(**settings) as double:
            for i in range(6):
                assert (await ask(client, server, f"q{i}"))[2] == (await ask(client, double, f"q{i}"))[2]
            await ask(client, server, stop=["x"])
            stats = server.stats()
            assert stats["delivered"] == double.stats.delivered.to_json()
        assert (stats["requests"], stats["rejected"], len(server.requests())) == (7, {"stop": 1}, 7)
        assert sum(server.bodies()["seen"].values()) == 7
        server.configure(faults={"503": 1})
        server.reset()
        assert ((await ask(client, server))[0], server.stats()["requests"]) == (503, 1)

    def test_process_ends_with_its_starter(self, double_process: Any) -> None:
        server = double_process()
        counters, _ = server.process.communicate(timeout=10)
        assert (server.process.returncode, json.loads(counters)["requests"]) == (0, 0)
