"""Arrival order changes when something is known, never what: the same requests get the same replies."""

import asyncio
import random

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import ConnectionLost, RateLimited
from orchestrator.ledger import Amount, Scope
from tests.clock import run_virtual
from tests.engine.stage import PACES, Stage, expert, reply_to, request

ASKED = [("shared", i) for i in range(6)] + [("alone", 0), ("other", 3), ("shared", 1), ("alone", 0)]


def results(order: int, pace: str, **limits: int) -> tuple[list[str], list[Amount]]:
    """Texts, and what each of two problems used, when replies come in another order each time."""
    shuffled = random.Random(order)
    stage = Stage(
        lambda rng: PACES[pace](shuffled),
        lambda rng: shuffled.choice([RateLimited("x", retry_after=1.0), ConnectionLost("x"), None, None, None]),
        tokens=lambda request, rng: rng.randint(5, 50),
        most=3,
    )
    run = Scope("run", paid=True)
    problems = [Scope("a", parent=run), Scope("b", parent=run)]

    async def one(engine: Engine, number: int) -> str:
        await asyncio.sleep(shuffled.random())
        text, sample = ASKED[number]
        asked = request(text, sample)
        completion = (await engine.ask(asked, Seat(problems[number % 2], number % 2))).completion
        assert (completion.text, completion.tokens.prompt) == (
            reply_to(asked, 0).text,
            reply_to(asked, 0).tokens.prompt,
        )
        return f"{completion.text} {completion.tokens}"

    async def main() -> list[str]:
        engine = Engine({"e": expert(**limits)}, lambda _: stage, MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(engine, number)) for number in range(len(ASKED))]
        return [task.result() for task in tasks]

    texts = run_virtual(main())[0]
    assert max(stage.answered.values()) == 1
    assert run.spent.calls == stage.samples
    return texts, [problem.spent for problem in problems]


@pytest.mark.parametrize("concurrency", [1, 3, 64])
@pytest.mark.parametrize("pace", PACES)
def test_permuted_latencies_and_faults_give_the_same_replies(pace: str, concurrency: int) -> None:
    first, _ = results(0, pace, concurrency=concurrency)
    for order in range(1, 12):
        assert results(order, pace, concurrency=concurrency)[0] == first
