from __future__ import annotations

from orchestrator.types import Message, Problem, Request
from tests.strategies.entry import Entry


def script(request: Request) -> str:
    """One agent in three is right, and convinces whoever reads it."""
    if request.labels.purpose == "debate":
        heard = "carry the 2" in request.messages[-1].text
        return "True, I forgot to carry. The answer is 408." if heard else "I stay with it. The answer is 408."
    if request.sample_index % 3 == 1:
        return "17 times 4 is 68: carry the 2. The answer is 408."
    return "17 times 20 is 340 and 17 times 4 is 58, so the answer is 398."


ENTRY = Entry(
    spec="debate(agents=3, rounds=2)",
    problem=Problem("p", (Message("user", "What is 17 times 24?"),), "number"),
    right="408",
    script=script,
    calls=6,
    depth=2,
)
