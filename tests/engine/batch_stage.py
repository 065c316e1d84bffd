"""A provider's batch endpoint on the loop's clock: slow, partial and faulty as a test says; it counts what it bills."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.engine import Engine, Journal, Landed, MemoryJournal, Seat, SqliteJournal
from orchestrator.errors import BudgetExceeded, ExpertError, Stopped, UnknownModel
from orchestrator.ledger import Scope
from orchestrator.types import Asked, BatchResult, BatchStanding, BatchTerms, Expert, Price, Request, Response, Tokens
from tests.clock import run_virtual
from tests.engine.stage import PRICE, Stage, prompt_tokens, reply_to, request

T = TypeVar("T")


@dataclass
class Held:
    """One batch at the provider."""

    id: str
    token: str
    keys: list[bytes]
    sizes: dict[bytes, int]
    ends_at: float
    state: str
    cancelled: bool = False
    billed: bool = False
    results: dict[bytes, BatchResult] = field(default_factory=dict)


@dataclass(eq=False)
class Depot:
    """Works a batch off in `seconds`; a `fate` may end it otherwise than `completed`, a `fault` one of its requests.

    It bills at the price of the expert that it is made for, as a batch backend does.

    It outlives engines, as a provider does processes.
    """

    seconds: Callable[[int], float] = lambda number: 600.0
    fate: Callable[[int], str] = lambda number: "completed"
    fault: Callable[[bytes, int], ExpertError | None] = lambda key, seen: None
    """By key and how often it was asked before."""
    refusal: Callable[[int], ExpertError | None] = lambda number: None
    """What a submission meets; one that is not refunded got there all the same."""
    reason: str = ""
    finds: bool = True
    blind: int = 0
    """So many searches and looks fail."""
    held: dict[str, Held] = field(default_factory=dict)
    submissions: int = 0
    seen: dict[bytes, int] = field(default_factory=dict)
    answered: dict[bytes, int] = field(default_factory=dict)
    billed: Tokens = Tokens()
    asked_at: list[float] = field(default_factory=list)
    """When it was looked at."""
    texts: dict[bytes, Request] = field(default_factory=dict)
    closed: int = 0
    price: Price = PRICE

    def made_for(self, expert: Expert) -> Depot:
        """As the backend of one expert."""
        assert expert.price is not None
        self.price = expert.price
        return self

    def line(self, request: Request) -> bytes:
        self.texts[request.key] = request
        return json.dumps({"custom_id": request.key.hex(), "text": request.messages[-1].text}).encode()

    async def submit(self, lines: Sequence[bytes], mode: str, token: str) -> str:
        self.submissions += 1
        await asyncio.sleep(0.5)
        error = self.refusal(self.submissions)
        if error is not None and error.refunded:
            raise error
        number, now = len(self.held) + 1, asyncio.get_running_loop().time()
        keys = [bytes.fromhex(json.loads(line)["custom_id"]) for line in lines]
        held = Held(f"b{number}", token, keys, {}, now + self.seconds(number), self.fate(number))
        self.held[held.id] = held
        if error is not None:
            raise error
        return held.id

    async def find(self, token: str, calls: int, since: float) -> str | None:
        self._stumble()
        return next((held.id for held in self.held.values() if held.token == token), None)

    async def look(self, id_: str) -> BatchStanding:
        self.asked_at.append(asyncio.get_running_loop().time())
        self._stumble()
        if id_ not in self.held:
            raise UnknownModel("no such batch", expert="e")
        held = self.held[id_]
        if not held.cancelled and asyncio.get_running_loop().time() < held.ends_at:
            return BatchStanding(id_, "in_progress", False)
        self._work_off(held)
        state = "cancelled" if held.cancelled else held.state
        full = state == "full"
        return BatchStanding(id_, "failed" if full else state, True, reason=self.reason, full=full, files=(id_,))

    async def results(self, standing: BatchStanding, asked: Asked) -> Sequence[BatchResult]:
        self._stumble()
        return list(self.held[standing.id].results.values())

    async def cancel(self, id_: str) -> None:
        self._stumble()
        held = self.held[id_]
        if not held.billed:
            held.cancelled = True

    async def aclose(self) -> None:
        self.closed += 1

    def work_off(self) -> None:
        """Ends everything that it holds, as it will whether or not anybody looks."""
        for held in self.held.values():
            self._work_off(held)

    def _stumble(self) -> None:
        if self.blind > 0:
            self.blind -= 1
            raise ExpertError("not now", expert="e")

    def _work_off(self, held: Held) -> None:
        if held.billed:
            return
        held.billed = True
        if held.state in ("failed", "full"):
            return
        done = held.keys if held.state == "completed" and not held.cancelled else held.keys[: len(held.keys) // 2]
        for key in done:
            error = self.fault(key, self.seen.get(key, 0))
            self.seen[key] = self.seen.get(key, 0) + 1
            held.results[key] = BatchResult(key, error=error) if error else self._answer(self.texts[key])

    def _answer(self, request: Request) -> BatchResult:
        prompt = prompt_tokens(request)
        bill = Tokens(prompt, 10, usd=self.price.of(prompt, 10))
        self.answered[request.key] = self.answered.get(request.key, 0) + 1
        self.billed += bill
        return BatchResult(request.key, Response((replace(reply_to(request, 10), tokens=bill),), bill), bill=bill)


def expert(name: str = "e", **terms: object) -> Expert:
    return Expert(name, "m", price=PRICE, batch=BatchTerms(**terms))  # type: ignore[arg-type]


_JOURNALS: list[SqliteJournal] = []


def journal_at(path: Path) -> SqliteJournal:
    """A journal whose thread `run` waits for."""
    _JOURNALS.append(SqliteJournal(path))
    return _JOURNALS[-1]


def run(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """What the coroutine returns, and the virtual seconds that it took; no time passes while a journal is written."""
    try:
        return run_virtual(work, busy=lambda: any(journal.busy for journal in _JOURNALS))
    finally:
        _JOURNALS.clear()


class Told(list[str]):
    def __call__(self, text: str) -> None:
        self.append(text)


@asynccontextmanager
async def engine(
    depot: Depot,
    *experts: Expert,
    live: Stage | None = None,
    journal: Journal | None = None,
    told: Told | None = None,
) -> AsyncIterator[Engine]:
    team = {each.id: each for each in experts or (expert(),)}
    stage = live or Stage()
    tell = Told() if told is None else told
    async with Engine(team, lambda _: stage, journal or MemoryJournal(), batch_of=depot.made_for, tell=tell) as made:
        yield made


async def asked(engine: Engine, count: int, scope: Scope | None = None, prefix: str = "q") -> list[Landed | Exception]:
    seat = Seat(scope or Scope("run", paid=True))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(caught(engine.ask(request(f"{prefix}{i}"), seat))) for i in range(count)]
    return [task.result() for task in tasks]


async def caught(work: Coroutine[Any, Any, Landed]) -> Landed | Exception:
    try:
        return await work
    except (ExpertError, BudgetExceeded, Stopped) as error:
        return error


def texts(landed: list[Landed | Exception]) -> list[str]:
    return [each.completion.text if isinstance(each, Landed) else type(each).__name__ for each in landed]
