from __future__ import annotations

from orchestrator import Message, Problem
from orchestrator.types import Request
from tests.strategies.entry import Entry

ANSWERS = ("36", "42", "48", "54")


def script(request: Request) -> str:
    """Every sample has another answer; whoever compares knows the right one when it is shown."""
    if request.labels.purpose != "judge":
        return f"The answer is {ANSWERS[request.sample_index % 4]}"
    first, _, second = request.messages[-1].text.partition("Candidate B:")
    if "The answer is 42" in first or "The answer is 42" in second:
        return f"The better one is {'A' if 'The answer is 42' in first else 'B'}"
    return "The better one is A"


ENTRY = Entry(
    spec="tournament(samples=4)",
    problem=Problem("p", (Message("user", "What is 6 times 7?"),), "number"),
    right="42",
    script=script,
    calls=10,
    depth=3,
)
