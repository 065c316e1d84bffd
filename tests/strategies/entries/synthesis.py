from __future__ import annotations

from orchestrator.types import Message, Problem, Request
from tests.strategies.entry import Entry


def script(request: Request) -> str:
    """Each sample slips in another place; whoever sees all of them sees where."""
    if request.labels.purpose == "synthesis":
        return "The first has the tens right and the second the units. The answer is 408."
    return ("17 times 20 is 340 and 17 times 4 is 58, so the answer is 398.", "10 times 24 is 204. The answer is 304.")[
        request.sample_index % 2
    ]


ENTRY = Entry(
    spec="synthesis(samples=3)",
    problem=Problem("p", (Message("user", "What is 17 times 24?"),), "number"),
    right="408",
    script=script,
    calls=4,
    depth=2,
)
