"""Whoever leaves, in any pass of the loop: nothing stays reserved, queued, open or out, and nobody else notices."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Attempt, Engine, Leaving, MemoryJournal, Seat
from orchestrator.errors import ConnectionFailed, ConnectionLost, ExpertError, OrchestratorError, RateLimited
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Completion, Request, Tokens
from tests.clock import VirtualClockLoop, route_time
from tests.engine.stage import PACES, Stage, expert, reply_to, request

TROUBLES: list[Callable[[], ExpertError]] = [
    lambda: RateLimited("slow down", retry_after=0.7),
    lambda: RateLimited("slow down"),
    lambda: ConnectionLost("reset"),
    lambda: ConnectionFailed("refused"),
]


class SteppingLoop(VirtualClockLoop):
    """Does something before its pass number `at`, between all callbacks."""

    def __init__(self, at: int = 0, action: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.at, self.action, self.passes = at, action, 0

    def _run_once(self) -> None:
        self.passes += 1
        if self.passes == self.at:
            self.action()
        super()._run_once()  # type: ignore[misc]


class Rows(MemoryJournal):
    """Takes some passes to commit, and knows which attempts are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open_rows: set[int] = set()

    async def open(self, attempt: Attempt) -> int:
        row = await super().open(attempt)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise  # a journal closes a row by itself that its caller never got to know
        self.open_rows.add(row)
        return row

    async def reply(
        self, attempt: int, replies: Sequence[tuple[bytes, Completion]], bill: Tokens, spoiled: int = 0
    ) -> None:
        self.open_rows.discard(attempt)
        await super().reply(attempt, replies, bill, spoiled)
        await asyncio.sleep(0)

    def fail(self, attempt: int, error: str, charged: bool) -> None:
        self.open_rows.discard(attempt)


@dataclass
class Scene:
    """Two problems on one wallet that ask partly the same, of a server in trouble that returns two choices at most."""

    limits: dict[str, Any] = field(default_factory=dict)
    wallet: Budget = field(default_factory=Budget)
    problem: Budget = field(default_factory=Budget)
    trouble: float = 0.3
    grace: bool = False

    def __post_init__(self) -> None:
        self.stage = Stage(
            PACES["uniform"],
            lambda rng: rng.choice(TROUBLES)() if rng.random() < self.trouble else None,
            tokens=lambda request, rng: rng.randint(5, 60),
            most=2,
            max_n=4,
        )
        self.journal = Rows()
        self.run = Scope("run", self.wallet, paid=True)
        self.problems = [Scope(name, self.problem, self.run) for name in "ab"]
        self.waiters: list[asyncio.Task[Completion]] = []
        self.asked: list[tuple[Request, Scope]] = []
        self.gone = asyncio.Event()

    async def __call__(self) -> None:
        async with Engine({"e": expert(concurrency=3, **self.limits)}, lambda _: self.stage, self.journal) as engine:
            a, b = self.problems
            for sample in range(4):
                self.ask(engine, request("shared", sample), Seat(a, 0, 0))
            for sample in (1, 2):
                self.ask(engine, request("shared", sample), Seat(b, 1, 2))
            for text in ("one", "two"):
                self.ask(engine, request(text), Seat(a, 0, 1))
                self.ask(engine, request(text, seed=1), Seat(b, 1, 0))
            self.ask(engine, request("shared", 0), Seat(b, 1, 1), after=1.2)
            self.ask(engine, request("one"), Seat(b, 1, 1), after=6.0)
            await asyncio.wait(self.waiters)
            if all(waiter.cancelled() for waiter in self.waiters) and not self.grace:
                await passes(12)
                assert self.stage.out == 0, "an attempt that nobody wants goes on"
            await asyncio.sleep(100.0)
            self.check_quiet(engine)

    def ask(self, engine: Engine, asked: Request, seat: Seat, after: float = 0.0) -> None:
        async def work() -> Completion:
            await asyncio.sleep(after)
            return (await engine.ask(asked, seat)).completion

        seat = Seat(seat.scope, seat.turn, seat.stage, leaving=Leaving(self.grace))
        self.asked.append((asked, seat.scope))
        self.waiters.append(asyncio.ensure_future(work()))

    def check_quiet(self, engine: Engine) -> None:
        assert not engine._tasks.running
        assert not engine._flights.by_key
        assert [(lane.out, lane.queued) for lane in engine.lanes()] in ([], [(0, 0)])
        assert self.stage.out == 0
        assert not self.journal.open_rows
        for scope in (self.run, *self.problems):
            assert (scope.outstanding, scope.reserved, scope.claims, scope.owed) == (0, NOTHING, 0, NOTHING)
            assert not scope.parked
            assert scope.lacks(NOTHING, scope.spent) is None

    def check_results(self, cancelled: Sequence[int]) -> None:
        received = 0
        for number, (waiter, (asked, _)) in enumerate(zip(self.waiters, self.asked, strict=True)):
            if waiter.cancelled():
                assert number in cancelled
            elif (error := waiter.exception()) is not None:
                assert isinstance(error, OrchestratorError)
                assert self.run.budget.finite or self.problem.finite
            else:
                received += 1
                expected = reply_to(asked, 0)
                assert (waiter.result().text, waiter.result().id) == (expected.text, asked.key.hex())
        assert max(self.stage.answered.values(), default=1) == 1, "an identical request was answered twice"
        answered = sum(self.stage.answered.values())
        charged = self.stage.samples - answered
        assert self.run.spent.calls == self.stage.samples
        assert self.run.spent.tokens >= self.stage.billed.prompt + self.stage.billed.completion
        used = sum(problem.spent.calls for problem in self.problems)
        assert received + charged <= used <= received + charged + len(cancelled)


async def passes(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def follow(work: Coroutine[Any, Any, None], at: int = 0, action: Callable[[], None] = lambda: None) -> int:
    """Runs to the end; returns how many passes that took."""
    loop = SteppingLoop(at, action)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work)
    return loop.passes


SCENES: dict[str, Callable[[], Scene]] = {
    "in trouble": lambda: Scene(),
    "in no trouble": lambda: Scene(trouble=0.0),
    "throttled": lambda: Scene(limits={"rpm": 60.0, "tpm": 1500.0}),
    "parked on the problem": lambda: Scene(problem=Budget(tokens=420)),
    "parked on the wallet": lambda: Scene(wallet=Budget(calls=9, tokens=1400)),
    "with grace": lambda: Scene(grace=True),
}


def disturbed(scene: Scene, at: int, whom: Sequence[int]) -> None:
    def leave() -> None:
        for number in whom:
            if number < len(scene.waiters):
                scene.waiters[number].cancel()

    follow(scene(), at, leave)
    scene.check_results(whom)


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    route_time(monkeypatch)


def length(name: str) -> int:
    scene = SCENES[name]()
    taken = follow(scene())
    scene.check_results(())
    return taken


@pytest.mark.parametrize("name", SCENES)
def test_one_waiter_leaves_in_any_pass(name: str) -> None:
    for at in range(2, length(name) + 1):
        disturbed(SCENES[name](), at, [at % 12])


@pytest.mark.parametrize("name", SCENES)
def test_everybody_leaves_in_any_pass(name: str) -> None:
    for at in range(2, length(name) + 1):
        disturbed(SCENES[name](), at, range(12))


@pytest.mark.slow
@pytest.mark.parametrize("waiter", range(12))
@pytest.mark.parametrize("name", SCENES)
def test_each_waiter_leaves_in_each_pass(name: str, waiter: int) -> None:
    for at in range(2, length(name) + 1):
        disturbed(SCENES[name](), at, [waiter])
        disturbed(SCENES[name](), at, [one for one in range(12) if one != waiter])


@pytest.mark.parametrize("name", SCENES)
def test_the_engine_is_left_in_any_pass(name: str) -> None:
    for at in range(2, length(name) + 1, 2):
        scene = SCENES[name]()

        async def main(scene: Scene = scene) -> None:
            work = asyncio.ensure_future(scene())
            loop = asyncio.get_running_loop()
            assert isinstance(loop, SteppingLoop)
            loop.action = work.cancel
            await asyncio.wait([work])
            outcomes = await asyncio.gather(work, *scene.waiters, return_exceptions=True)
            assert all(isinstance(o, Completion | OrchestratorError | asyncio.CancelledError | None) for o in outcomes)

        follow(main(), at)
        for scope in (scene.run, *scene.problems):
            assert (scope.outstanding, scope.reserved) == (0, NOTHING)
        assert not scene.journal.open_rows
        assert scene.stage.out == 0
        assert scene.run.spent.calls == scene.stage.samples
