from __future__ import annotations

from orchestrator import Message, Problem
from orchestrator.types import Request
from tests.strategies.entry import Entry

OBSERVATIONS = '["The last cut makes two pieces.", "Pieces and cuts are not the same number."]'


def script(request: Request) -> str:
    """Without an observation it counts pieces, with one of them cuts."""
    asked = "\n".join(message.text for message in request.messages)
    match request.labels.purpose:
        case "shortlist":
            return OBSERVATIONS
        case "plan":
            seen = "makes two pieces" in asked or "not the same number" in asked
            return f"Count {'cuts' if seen else 'pieces'}, from left to right."
        case "answer":
            return f"The answer is {9 if 'Count cuts' in asked else 10}"
    return "The last cut makes two pieces. Pieces and cuts are not the same number."


ENTRY = Entry(
    spec="plansearch(depth=1, keep=2, turns=2, subset_size=2, second_sketch=false, pseudocode=false)",
    problem=Problem("p", (Message("user", "How many cuts make 10 pieces out of a log?"),), "number"),
    right="9",
    script=script,
    calls=10,
    depth=4,
)
