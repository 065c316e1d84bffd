from __future__ import annotations

from orchestrator import Message, Problem
from orchestrator.types import Request
from tests.strategies.entry import Entry


def script(request: Request) -> str:
    """Asked at once, it repeats its first intuition; following one of its ideas it counts what that overlooks."""
    if request.labels.purpose == "plan":
        return ("Count the cuts.", "Count the pieces.", "Draw the log: pieces less one.")[request.sample_index % 3]
    asked = request.messages[-1].text
    return f"The answer is {9 if 'pieces less one' in asked or 'Count the cuts' in asked else 10}"


ENTRY = Entry(
    spec="ideasearch(samples=3)",
    problem=Problem("p", (Message("user", "How many cuts make 10 pieces out of a log?"),), "number"),
    right="9",
    script=script,
    calls=6,
    depth=2,
)
