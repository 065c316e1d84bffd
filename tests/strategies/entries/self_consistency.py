from __future__ import annotations

from orchestrator import Message, Problem
from orchestrator.types import Request
from tests.strategies.entry import Entry


def script(request: Request) -> str:
    return f"The answer is {36 if request.sample_index in (0, 3) else 42}"


ENTRY = Entry(
    spec="self_consistency(samples=5)",
    problem=Problem("p", (Message("user", "What is 6 times 7?"),), "number"),
    right="42",
    script=script,
    calls=5,
    depth=1,
    beats_voting=False,
)
