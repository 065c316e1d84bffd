from __future__ import annotations

from orchestrator.types import Message, Problem, Request
from tests.strategies.entry import Entry


def script(request: Request) -> str:
    """Samples go wrong; the second layer finds the slip in half of its replies, and the writer agrees with it."""
    match request.labels.purpose:
        case "refine" if request.sample_index % 2:
            return "They forget to carry the 2. The answer is 408."
        case "synthesis":
            return "The one that carries is right. The answer is 408."
    return "17 times 20 is 340 and 17 times 4 is 58, so the answer is 398."


ENTRY = Entry(
    spec="moa(proposers=2, layers=3)",
    problem=Problem("p", (Message("user", "What is 17 times 24?"),), "number"),
    right="408",
    script=script,
    calls=5,
    depth=3,
)
