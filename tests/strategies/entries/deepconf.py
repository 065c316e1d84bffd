from __future__ import annotations

from orchestrator import Message, Problem
from orchestrator.types import Completion, Request
from tests.strategies.entry import Entry


def script(request: Request) -> Completion:
    """Three traces in five are wrong, and unsure of it where they go wrong."""
    right = request.sample_index % 5 in (1, 4)
    sure = (9.0, 8.0, 9.0) if right else (8.0, 2.0, 3.0)
    return Completion(f"The answer is {42 if right else 36}", confidences=sure if request.sampling.top_logprobs else ())


ENTRY = Entry(
    spec="deepconf(samples=10, keep=0.5)",
    problem=Problem("p", (Message("user", "What is 6 times 7?"),), "number"),
    right="42",
    script=script,
    calls=10,
    depth=1,
)
