from __future__ import annotations

from orchestrator.types import Message, Problem, Request
from tests.strategies.entry import Entry

SAMPLES = (
    "The sea is mirrored in it",
    "Air scatters blue light more than red light",
    "The sea is mirrored in it",
    "Because air scatters blue light more than red",
    "Blue light scatters in air more than red light",
)


def script(request: Request) -> str:
    """Most samples say the same in nearly the same words; two agree to the letter on something else."""
    return f"Final answer: {SAMPLES[request.sample_index % 5]}"


ENTRY = Entry(
    spec="mbr(samples=5)",
    problem=Problem("p", (Message("user", "Why is the sky blue?"),)),
    right=SAMPLES[4],
    script=script,
    calls=5,
    depth=1,
)
