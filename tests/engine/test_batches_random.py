"""Batches under whatever may happen: everything ends, nothing is answered twice, the ledger closes to zero."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import Engine, Landed, Seat
from orchestrator.errors import BadCompletion, BudgetExceeded, ConnectionLost, ExpertError, ServerBusy, Stopped
from orchestrator.ledger import NOTHING, Scope
from orchestrator.types import Expert, Request
from tests.engine.batch_stage import Depot, expert, journal_at
from tests.engine.batch_stage import run as in_virtual_time
from tests.engine.stage import Stage, request

STATES = ["completed"] * 6 + ["expired", "failed", "full", "cancelled"]
DAYS = 20 * 86_400.0


@dataclass
class World:
    """A provider, which lives on while processes come and go."""

    rng: random.Random
    depot: Depot = field(init=False)
    live: Stage = field(default_factory=lambda: Stage(pace=lambda rng: rng.uniform(0.1, 5.0)))

    def __post_init__(self) -> None:
        rng = self.rng
        fates = [rng.choice(STATES) for _ in range(50)]
        spans = [rng.choice((1.0, 60.0, 600.0, 7200.0)) for _ in range(50)]
        refusals = [rng.choice((None, None, None, ServerBusy, ConnectionLost)) for _ in range(50)]
        share = rng.choice((0.0, 0.1, 0.5))
        self.depot = Depot(
            seconds=lambda number: spans[number % 50],
            fate=lambda number: fates[number % 50],
            fault=lambda key, seen: ServerBusy("busy") if _unit(key, seen) < share else None,
            refusal=lambda number: (kind := refusals[number % 50]) and kind("not now"),
            blind=rng.randrange(3),
        )


def _unit(key: bytes, seen: int) -> float:
    return random.Random(f"{key.hex()} {seen}").random()


async def process(world: World, path: Path, until: float | None, cap: float | None) -> tuple[list[object], Scope]:
    """One process that asks everything, or is stopped after some seconds."""
    terms = {"requests": world.rng.choice((3, 10, 1000)), "window": world.rng.choice(("1h", "24h"))}
    team = {"e": expert(**terms), "x": Expert("x", "m", price=expert().price)}
    journal = journal_at(path)
    async with Engine(team, lambda _: world.live, journal, batch_of=world.depot.made_for) as engine:
        run = Scope("run", Budget(usd=cap), paid=True, spent=journal.paid + journal.losses.of("run"))
        engine.batches.bear(run)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(problem(engine, run, number)) for number in range(8)]
            if until is not None:
                await asyncio.wait(tasks, timeout=until)
                engine.stop()
        if until is None:
            await asyncio.sleep(2 * 86_400.0)  # what nobody asks for any more comes in too
        return [each for task in tasks for each in task.result()], run


async def problem(engine: Engine, run: Scope, number: int) -> list[object]:
    """Three stages of a few calls, now and then one that is answered at once."""
    scope, replies = Scope(f"problem {number}", parent=run), list[object]()
    for stage in range(3):
        asks = [request(f"{number}.{stage}.{i}") for i in range(1 + (number + stage) % 4)]
        async with asyncio.TaskGroup() as group:
            seat = Seat(scope, turn=number, stage=stage)
            tasks = [group.create_task(caught(engine, ask, seat)) for ask in asks]
            if number % 3 == 0:
                other = request(f"at once {number}.{stage}")
                tasks.append(group.create_task(caught(engine, _of("x", other), seat)))
            if number % 4 == 1 and stage == 1:
                hasty = request(f"hasty {number}")
                tasks.append(group.create_task(impatient(engine, hasty, seat, 50.0 * number)))
        replies += [task.result() for task in tasks]
    return replies


def _of(name: str, other: Request) -> Request:
    return replace(other, expert=name)


async def caught(engine: Engine, ask: Request, seat: Seat) -> object:
    try:
        return (await engine.ask(ask, seat)).completion.text
    except (ExpertError, BudgetExceeded, Stopped) as error:
        return error


async def impatient(engine: Engine, ask: Request, seat: Seat, seconds: float) -> object:
    """Leaves after a while."""
    try:
        async with asyncio.timeout(seconds):
            return await caught(engine, ask, seat)
    except TimeoutError:
        return "left"


@pytest.mark.parametrize("seed", [*range(16), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(16, 400))])
def test_everything_ends_and_nothing_is_answered_or_paid_twice(seed: int, tmp_path: Path) -> None:
    world, path = World(random.Random(f"batches {seed}")), tmp_path / "journal"
    stops = [world.rng.choice((1.0, 2.2, 5.0, 100.0, 700.0, 9000.0)) for _ in range(world.rng.randrange(4))]
    offset = 0.0
    for until in [*stops, None]:
        for held in world.depot.held.values():
            held.ends_at -= offset  # each process has a clock that begins at zero
        (replies, run), offset = in_virtual_time(process(world, path, until, None))
        assert offset < DAYS
    world.depot.work_off()
    assert not [each for each in replies if isinstance(each, Exception)]
    assert (run.reserved, run.outstanding) == (NOTHING, 0)
    assert max(world.depot.answered.values(), default=1) == 1
    journal = journal_at(path)
    paid, lost = journal.paid, journal.losses.of("run")
    in_virtual_time(journal.aclose())
    billed = world.depot.billed.usd + world.live.billed.usd
    assert run.spent.usd == pytest.approx(paid.usd + lost.usd)
    assert paid.usd + lost.usd >= billed - 1e-12
    if lost == NOTHING:
        assert paid.usd == pytest.approx(billed)


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 100))])
def test_a_cap_on_money_holds_whatever_happens(seed: int, tmp_path: Path) -> None:
    world, path = World(random.Random(f"capped {seed}")), tmp_path / "journal"
    cap = world.rng.choice((0.0005, 0.002, 0.006))
    for until in (700.0, None):
        (_, run), _ = in_virtual_time(process(world, path, until, cap))
        assert run.spent.usd <= cap * (1 + 1e-9)
    world.depot.work_off()
    assert world.depot.billed.usd + world.live.billed.usd <= cap * (1 + 1e-9)


def test_spoiled_answers_are_paid(tmp_path: Path) -> None:
    """One that came without a text was generated."""

    async def main() -> None:
        depot = Depot(fault=lambda key, seen: BadCompletion("empty") if seen == 0 else None)
        scope = Scope("run", paid=True)
        journal = journal_at(tmp_path / "j")
        async with Engine({"e": expert()}, lambda _: Stage(), journal, batch_of=depot.made_for) as engine:
            landed = await engine.ask(request(), Seat(scope))
        assert isinstance(landed, Landed)
        assert scope.spent.usd == pytest.approx(depot.billed.usd)

    in_virtual_time(main())
