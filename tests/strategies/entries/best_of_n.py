from __future__ import annotations

from orchestrator import Message, Problem
from orchestrator.types import Request
from tests.strategies.entry import Entry


def script(request: Request) -> str:
    """Three samples in four agree on what does not make 24; the check finds the fourth."""
    return f"Answer: {'(7 - 8 / 8) * 4' if request.sample_index % 4 == 3 else '8 + 8 + 7 + 4'} = 24"


ENTRY = Entry(
    spec="best_of_n(samples=4)",
    problem=Problem("p", (Message("user", "Use 4 7 8 8 to make 24."),), "game24"),
    right="(7 - 8 / 8) * 4",
    script=script,
    calls=4,
    depth=1,
)
