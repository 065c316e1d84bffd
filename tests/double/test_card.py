"""Swap mode: what a server does that loads the models it is asked, one at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.clock import run_virtual

from .client import ask
from .server import Double


def served(*models: str, **swap: Any) -> tuple[dict[str, int], float, int]:
    """Loads, seconds and the most at once, of requests that all come together, in this order."""

    async def main() -> tuple[dict[str, int], int]:
        async with Double(latency=1.0, swap=swap) as double, aiohttp.ClientSession() as client:
            async with asyncio.TaskGroup() as group:
                for number, model in enumerate(models):
                    group.create_task(ask(client, double, f"question {number}", model=model))
                    await asyncio.sleep(0.001)
            assert double.card is not None
            return double.card.loads, max(f.max_in_flight for f in double.stats.models.values())

    (loads, most), seconds = run_virtual(main())
    return loads, seconds, most


def test_a_model_is_loaded_when_it_is_asked_and_stays() -> None:
    loads, seconds, _ = served("a", "a", "a", load_s=2.0)
    assert (loads, round(seconds, 1)) == ({"a": 1}, 3.0)


def test_calls_in_mixed_order_load_again_and_again() -> None:
    loads, seconds, _ = served("a", "b", "a", "b", load_s=2.0)
    assert (loads, round(seconds, 1)) == ({"a": 2, "b": 2}, 12.0)


def test_as_many_as_fit_stay_loaded() -> None:
    loads, seconds, _ = served("a", "b", "a", "b", load_s=2.0, resident=2)
    assert loads == {"a": 1, "b": 1}
    assert round(seconds, 1) == pytest.approx(5.0)


def test_more_requests_than_slots_wait() -> None:
    assert round(served("a", "a", "a", "a", slots=2)[1], 1) == 2.0


def test_whoever_leaves_the_queue_holds_up_nobody() -> None:
    async def main() -> dict[str, int]:
        async with Double(latency=1.0, swap={"load_s": 2.0}) as double, aiohttp.ClientSession() as client:
            first = asyncio.ensure_future(ask(client, double, model="a"))
            await asyncio.sleep(0.1)
            second = asyncio.ensure_future(ask(client, double, model="b"))
            await asyncio.sleep(0.1)
            second.cancel()
            await asyncio.wait([second])
            await first
            await ask(client, double, model="a")
            assert double.card is not None
            return double.card.loads

    assert run_virtual(main())[0] == {"a": 1}
