"""What `benchmarks.waits` measures: one round of problems, and what a call costs by itself."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from orchestrator import Expert, Message, Orchestrator, Outcome, Problem
from orchestrator.engine import Engine, Landed, MemoryJournal, Seat, unlimited
from orchestrator.evals.sets import open_set
from orchestrator.sandbox import Sandbox
from orchestrator.serving import backend_of
from orchestrator.types import Completion, Request, Sampling

from . import methods, usage
from .remembering import Remembering

Ask: TypeAlias = Callable[[str], Awaitable[object]]
_MODEL, _CAP, _CALLS, _SINGLE = "ada", 2048, 200, 7
_ALTERNATIVES, _TOGETHER = 20, 10
"""As `deepconf` asks: alternatives of a token, and samples in one request."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a case. Seconds."""

    wall: float
    cpu: float
    """Of this process."""
    programs: float
    """CPU of the programs that were run for checks."""
    calls: int
    requests: int
    """What left: samples of one prompt that are asked for at once leave together."""
    chain: int
    """The longest chain of replies that one problem waited for."""


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds of a call."""

    bare: float
    """By the client alone."""
    whole: float
    """By ours: client, engine, journal."""
    reply: float
    """Wall seconds of one request by aiohttp: a sample, or with log-probabilities as many as `deepconf` asks for."""


async def started(sandbox: Sandbox) -> None:
    """Has the sandbox's servers up."""
    await methods.start_all(sandbox, 2)


async def measured(
    orchestrator: Orchestrator, problems: Sequence[Problem], spec: str, latency: float, apart: Sequence[int]
) -> Round:
    """All problems at once.

    Args:
        apart: processes below this one that are no programs of ours.
    """
    before = orchestrator.engine.counters.attempts
    programs, cpu, start = _programs(apart), time.process_time(), time.perf_counter()
    with waiting(orchestrator.engine, latency) as waits:
        outcomes = await _solved(orchestrator, problems, spec)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    calls = sum(out.usage.calls for out in outcomes)
    sent = orchestrator.engine.counters.attempts - before
    return Round(wall, cpu, _programs(apart) - programs, calls, sent, waits.chain)


async def _solved(orchestrator: Orchestrator, problems: Sequence[Problem], spec: str) -> list[Outcome]:
    if len(problems) == 1:
        return [await orchestrator.solve(problems[0], strategy=spec)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(orchestrator.solve(problem, strategy=spec)) for problem in problems]
    return [task.result() for task in tasks]


def _programs(apart: Sequence[int]) -> float:
    return sum(one.cpu for one in usage.descendants() if one.pid not in apart and one.parent not in apart)


class Forgetful(MemoryJournal):
    """A journal in which nothing is found again, so that problems can be solved anew by one wallet."""

    def get(self, key: bytes) -> Completion | None:
        return None


class Waits:
    """When every request of an engine began and ended."""

    def __init__(self, engine: Engine, latency: float) -> None:
        self._ask, self._least = engine.ask, latency / 2
        self._spans: dict[int, list[tuple[float, float]]] = defaultdict(list)

    async def noted(self, request: Request, seat: Seat) -> Landed:
        """Asks."""
        start = time.perf_counter()
        try:
            return await self._ask(request, seat)
        finally:
            end = time.perf_counter()
            if end - start >= self._least:  # others were answered already
                self._spans[seat.turn].append((start, end))

    @property
    def chain(self) -> int:
        """The longest chain of replies of one problem, each asked for after the one before had come."""
        return max(map(_longest, self._spans.values()), default=0)


@contextmanager
def waiting(engine: Engine, latency: float) -> Iterator[Waits]:
    """Notes what is asked inside."""
    waits, ask = Waits(engine, latency), engine.ask
    engine.ask = waits.noted  # type: ignore[method-assign]
    try:
        yield waits
    finally:
        engine.ask = ask  # type: ignore[method-assign]


def _longest(spans: Sequence[tuple[float, float]]) -> int:
    depths = list[tuple[float, int]]()
    for start, end in sorted(spans):
        depths.append((end, 1 + max((depth for ended, depth in depths if ended <= start), default=0)))
    return max((depth for _, depth in depths), default=0)


# -- what a call costs --------------------------------------------------------------------------


async def costs_of(client: str, server: Remembering, latency: float) -> dict[bool, Costs]:
    """What a call costs by itself, without and with log-probabilities."""
    cases = list(islice(open_set("word_problems"), _CALLS // 2)) * 2
    questions = [
        f"{case.problem.question}\n\nReason step by step. {case.problem.format}{' ' * (i >= _CALLS // 2)}"
        for i, case in enumerate(cases)
    ]
    found = {}
    for confident in (False, True):
        bare = _by_litellm if client == "litellm" else _by_aiohttp
        found[confident] = Costs(
            await _cpu(bare(server.base_url, _extra(confident)), questions, server),
            await _cpu(_by_engine(server.base_url, client, confident), questions, server),
            await _reply(server, latency, questions[:_SINGLE], confident),
        )
    return found


async def _reply(server: Remembering, latency: float, questions: Sequence[str], confident: bool) -> float:
    extra = {**_extra(confident), "n": _TOGETHER} if confident else {}
    async with _by_aiohttp(server.base_url, extra) as ask:
        await _all(ask, questions, server)
        server.again(latency)
        return statistics.median([await _seconds(ask, question) for question in questions])


async def _cpu(opened: Any, questions: Sequence[str], server: Remembering) -> float:
    """CPU seconds of a call, many under way at once; a first pass teaches the server and opens connections."""
    async with opened as ask:
        await _all(ask, questions, server)
        start = time.process_time()
        await _all(ask, questions, server)
        return (time.process_time() - start) / len(questions)


async def _all(ask: Ask, questions: Sequence[str], server: Remembering) -> None:
    server.again(0.0)
    async with asyncio.TaskGroup() as group:
        for question in questions:
            group.create_task(_seconds(ask, question))


async def _seconds(ask: Ask, question: str) -> float:
    start = time.perf_counter()
    await ask(question)
    return time.perf_counter() - start


def _extra(confident: bool) -> dict[str, Any]:
    return {"logprobs": True, "top_logprobs": _ALTERNATIVES} if confident else {}


@asynccontextmanager
async def _by_litellm(base_url: str, extra: Mapping[str, Any]) -> AsyncIterator[Ask]:
    import litellm

    async def ask(question: str) -> object:
        body = _body(f"openai/{_MODEL}", question)
        return await litellm.acompletion(**body, api_base=base_url, api_key="none", **extra)

    yield ask


@asynccontextmanager
async def _by_aiohttp(base_url: str, extra: Mapping[str, Any]) -> AsyncIterator[Ask]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(question: str) -> object:
            body = {**_body(_MODEL, question), **extra}
            async with session.post(f"{base_url}/chat/completions", json=body) as reply:
                return await reply.json()

        yield ask


@asynccontextmanager
async def _by_engine(base_url: str, client: str, confident: bool) -> AsyncIterator[Ask]:
    expert = Expert("e", f"openai/{_MODEL}", client, api_base=base_url, concurrency=10_000)
    sampling = Sampling(max_tokens=_CAP, top_logprobs=_ALTERNATIVES if confident else None)
    numbers = iter(range(1_000_000))
    async with Engine({"e": expert}, backend_of, MemoryJournal()) as engine:
        seat = Seat(unlimited())

        async def ask(question: str) -> object:
            salt = str(next(numbers))  # else the second pass would find the replies of the first
            return await engine.ask(Request("e", expert.model, (Message("user", question),), sampling, salt=salt), seat)

        yield ask


def _body(model: str, question: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": _CAP}
