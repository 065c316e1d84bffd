"""Prepares a strategy on problems with known answers, keeps what it made in a file, and solves others with it.

The same from the command line:

    orchestrator prepare "div_se(size=3, elicitations=10)" word_problems:seed=1 --limit 12 -o book.toml
    orchestrator bench word_problems:seed=2 --limit 20 -s cot -s "div_se(size=3, book=book.toml)"

Runs offline with the simulated experts; name experts of your own in EXPERTS.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator import Budget, Orchestrator
from orchestrator.evals.grading import grade
from orchestrator.evals.lesson import lessons_of
from orchestrator.evals.sets import open_set
from orchestrator.strategies.div_se import DivSE

EXPERTS = ["sim:all"]
BOOK = Path("book.toml")

KNOWN = "word_problems:seed=1,limit=12"
"""A set with answers: a built-in one, or a file of your own."""
NEW = "word_problems:seed=2,limit=5"
"""Others of the same sort. Solving sees only the problems; answers are compared at the end."""


async def prepared() -> str:
    """The text of a book: approaches and personas that did well on the known problems."""
    setup = DivSE(size=3, elicitations=10, approaches=3, personas=1, examples=2)
    async with Orchestrator(experts=EXPERTS, budget=Budget(calls=1000)) as orchestrator:
        book = await orchestrator.prepare(setup, list(lessons_of(open_set(KNOWN))))
        print(f"{BOOK}: {orchestrator.scope.spent.calls} calls")
        return book


async def use() -> None:
    async with Orchestrator(
        experts=EXPERTS, strategy=DivSE(size=3, book=BOOK), budget=Budget(calls=100)
    ) as orchestrator:
        for case in open_set(NEW):
            out = await orchestrator.solve(case.problem)
            right = await grade(case, out.answer)
            print(f"{case.problem.id}: {out.answer}, confidence {out.confidence:.2f}, {'right' if right else 'wrong'}")


if __name__ == "__main__":
    if not BOOK.exists():  # made once; what is in it may be edited by hand
        BOOK.write_text(asyncio.run(prepared()), encoding="utf-8")
    asyncio.run(use())
