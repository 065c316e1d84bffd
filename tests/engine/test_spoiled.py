"""Samples that came without any text: they are asked again, and what they took counts."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from orchestrator.budget import Budget
from orchestrator.engine import Engine, MemoryJournal, Seat, SqliteJournal
from orchestrator.engine.journal import Attempt
from orchestrator.ledger import Amount, Scope
from orchestrator.types import Completion, Expert, Message, Request, Response, Sampling, Tokens
from tests.clock import run_virtual


class Spoiling:
    """Its first answer's last choice is empty."""

    journalled = True
    max_n = 8

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def complete(self, batch: Sequence[Request]) -> Response:
        self.asked.append(len(batch))
        good = batch if len(self.asked) > 1 else batch[:-1]
        bill = Tokens(5, 10 * len(batch))
        each = bill.completion // len(good)
        return Response(tuple(Completion("x", tokens=Tokens(5, each)) for _ in good), bill, (), len(batch) - len(good))

    async def aclose(self) -> None:
        return None


def test_they_count_as_calls_on_both_meters_and_their_tokens_once() -> None:
    server = Spoiling()

    async def main() -> tuple[Scope, Scope]:
        run = Scope("run", Budget(calls=6), paid=True)
        problem = Scope("problem", Budget(calls=6), run)
        first = Request("e", "m", (Message("user", "question"),), Sampling(max_tokens=100))
        engine = Engine({"e": Expert("e", "m")}, lambda _: server, MemoryJournal())
        async with engine, asyncio.TaskGroup() as group:
            for i in range(5):
                group.create_task(engine.ask(first.sample(i), Seat(problem)))
        return run, problem

    (run, problem), _ = run_virtual(main())
    assert server.asked == [5, 1]
    assert run.spent == Amount(6, 5 + 50 + 5 + 10)
    assert problem.spent.calls == 6


async def test_the_journal_remembers_them_as_paid(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    worst = Amount(1, 100)
    row = await journal.open(Attempt("e", (b"k" * 16, b"l" * 16), (("run",), ("run",)), (worst, worst)))
    await journal.reply(row, [(b"k" * 16, Completion("x"))], Tokens(5, 20), spoiled=1)
    await journal.aclose()
    again = SqliteJournal(tmp_path / "journal.sqlite")
    assert again.paid == Amount(2, 25)
    await again.aclose()
