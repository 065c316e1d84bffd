from __future__ import annotations

import re

from orchestrator.types import Message, Problem, Request
from tests.strategies.entry import Entry

SAMPLES = (
    "The sea is mirrored in it",
    "Air scatters blue light more than red",
    "The sea is mirrored in it",
    "More of the blue light is scattered by air",
    "It is blue light that gets scattered most",
)


def script(request: Request) -> str:
    """Most samples say the same, but each in its own words; two agree to the letter on something else."""
    if request.labels.purpose == "select":
        numbered = re.findall(r"Candidate (\d+):\n```\n(.*)", request.messages[-1].text)
        number = next(number for number, text in numbered if SAMPLES[1] in text)
        return f"Most of them name scattering. The most consistent one is Candidate {number}"
    return f"Final answer: {SAMPLES[request.sample_index % 5]}"


ENTRY = Entry(
    spec="universal_sc(samples=5)",
    problem=Problem("p", (Message("user", "Why is the sky blue?"),)),
    right=SAMPLES[1],
    script=script,
    calls=6,
    depth=2,
)
