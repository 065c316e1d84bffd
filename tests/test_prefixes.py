"""Prompts that share a long beginning, against a server that caches: what is read from there, and who pays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, Seat, SqliteJournal
from orchestrator.experts.channel import library
from orchestrator.ledger import Amount, Scope
from orchestrator.serving import backend_of
from orchestrator.types import Completion, Expert, Message, PrefixCache, Price, Request, Sampling
from tests.double import Double
from tests.double.client import until

Doubles = Callable[..., Awaitable[Double]]

PRICE = Price(1e-6, 4e-6, 0.1e-6, 1.25e-6)
STORY = "Once there was a problem, and it was long. " * 300
"""12,900 characters: 3,225 tokens."""
WAYS = [f"Solve it by way {i}." for i in range(8)]


@pytest.fixture(params=["litellm", "direct"])
def client(request: pytest.FixtureRequest) -> str:
    if request.param == "litellm":
        library()
    return str(request.param)


async def answers(
    server: Double,
    folder: Path,
    client: str,
    prefix_cache: str,
    texts: Sequence[str] = (),
    budget: Budget | None = None,
) -> tuple[list[Completion], Scope, Scope]:
    """The replies, what the run paid, and what the problem used."""
    expert = Expert("e", "openai/m", client=client, api_base=server.base_url, price=PRICE, prefix_cache=prefix_cache)
    run = Scope("run", paid=True)
    problem = Scope("problem", budget or Budget(), run)

    async def ask(engine: Engine, text: str) -> Completion:
        request = Request("e", "openai/m", (Message("user", text),), Sampling(max_tokens=200))
        return (await engine.ask(request, Seat(problem))).completion

    journal = SqliteJournal(folder / "journal.sqlite")
    async with Engine({"e": expert}, backend_of, journal) as engine, asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(engine, text)) for text in texts or [f"{STORY}\n\n{way}" for way in WAYS]]
    return [task.result() for task in tasks], run, problem


async def test_with_a_lead_all_others_read_the_shared_part_from_the_cache_and_say_the_same(
    double: Doubles, tmp_path: Path, client: str
) -> None:
    found: dict[str, Any] = {}
    for how in ("off", "on"):
        server = await double(cache=128, latency=0.1, first_token=0.1)
        (tmp_path / how).mkdir()
        replies, run, problem = await answers(server, tmp_path / how, client, how)
        billed = server.stats.billed
        found[how] = [reply.text for reply in replies], billed.cached
        assert sum(reply.tokens.cached_prompt for reply in replies) == billed.cached
        usd = PRICE.of(billed.prompt, billed.completion, billed.cached)
        assert (run.spent.calls, run.spent.tokens) == (8, billed.tokens)
        assert run.spent.usd == pytest.approx(usd), "paid: what was billed"
        assert problem.spent.usd == pytest.approx(PRICE.of(billed.prompt, billed.completion)), "used: as if asked alone"
        assert run.reserved == problem.reserved == Amount()
    assert found["on"][0] == found["off"][0]
    assert (found["off"][1], found["on"][1]) == (0, 7 * 3200)


async def test_the_others_leave_at_the_first_token_of_the_lead_and_not_at_its_reply(
    double: Doubles, tmp_path: Path, client: str
) -> None:
    server = await double(cache=128, latency=600.0)
    asking = asyncio.create_task(answers(server, tmp_path, client, "on"))
    await until(lambda: server.stats.in_flight == len(WAYS))  # gives up before those who wait for a lead would
    assert server.stats.status == {}, "nobody has been answered"
    asking.cancel()
    await asyncio.wait([asking])
    assert [bool(tally.cached) for tally in server.stats.prompts.values()].count(False) == 1


@pytest.mark.parametrize("client", ["direct"])
async def test_marks_are_written_once_and_read_by_all_others(double: Doubles, tmp_path: Path, client: str) -> None:
    server = await double(cache=128, cache_marked=True, latency=0.1, first_token=0.1)
    expert = Expert("e", "openai/m", client=client, api_base=server.base_url, price=PRICE)
    backend = backend_of(expert)
    vars(backend)["prefix_cache"] = PrefixCache(marked=True)
    run = Scope("run", paid=True)

    async def ask(engine: Engine, way: str) -> None:
        request = Request("e", "openai/m", (Message("user", f"{STORY}\n\n{way}"),), Sampling(max_tokens=200))
        await engine.ask(request, Seat(run))

    journal = SqliteJournal(tmp_path / "journal.sqlite")
    async with Engine({"e": expert}, lambda _: backend, journal) as engine, asyncio.TaskGroup() as group:
        for way in WAYS:
            group.create_task(ask(engine, way))
    billed = server.stats.billed
    assert 2900 < billed.written < 3100
    assert billed.cached == 7 * billed.written
    assert run.spent.usd == pytest.approx(PRICE.of(billed.prompt, billed.completion, billed.cached, billed.written))
    assert run.spent.usd < 0.5 * PRICE.of(billed.prompt, billed.completion)


async def test_what_was_paid_is_found_again_after_the_run(double: Doubles, tmp_path: Path, client: str) -> None:
    server = await double(cache=128, latency=0.05)
    _, run, _ = await answers(server, tmp_path, client, "on")
    again = SqliteJournal(tmp_path / "journal.sqlite")
    billed = again.billed
    assert (again.paid.calls, again.paid.tokens) == (8, run.spent.tokens)
    assert (billed.cached_prompt, billed.usd) == (server.stats.billed.cached, pytest.approx(run.spent.usd))
    await again.aclose()
    _, resumed, used = await answers(server, tmp_path, client, "on")
    assert (resumed.spent, used.spent.calls, server.stats.billed.samples) == (Amount(), 8, 8)


async def test_leads_that_fail_are_charged_and_the_ledger_closes(double: Doubles, tmp_path: Path, client: str) -> None:
    server = await double(cache=128, latency=0.02, faults={"reset": 0.4, "503": 0.2}, max_faults=2)
    _, run, problem = await answers(server, tmp_path, client, "on")
    assert run.reserved == problem.reserved == Amount()
    assert (run.outstanding, problem.outstanding) == (0, 0)
    assert run.spent.tokens >= server.stats.billed.tokens
