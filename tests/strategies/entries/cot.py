from __future__ import annotations

from orchestrator import Message, Problem
from tests.strategies.entry import Entry

ENTRY = Entry(
    spec="cot",
    problem=Problem("p", (Message("user", "What is 6 times 7?"),), "number"),
    right="42",
    script=lambda _: "Six times seven is 42.\nThe answer is 42",
    calls=1,
    depth=1,
    beats_voting=False,
)
