"""Symbolic-MoE: most experts make the same mistake; the profiles say who is good at this."""

from __future__ import annotations

from pathlib import Path

from orchestrator import Message, Problem, Request
from tests.skills.making import profiles_of, written
from tests.strategies.entry import Entry

OTHERS = [f"{client}{name}" for client in ("sim:", "openai/") for name in ("ada", "blaise", "clio", "dov", "edsger")]
"""Those that solve other problems than this one; the profiles know them too."""
PROFILES = profiles_of(
    {
        "e0": {"riddles": (1, 9), "sums": (9, 1)},
        "e1": {"riddles": (0, 9), "sums": (9, 0)},
        "e2": {"riddles": (9, 1), "sums": (1, 2)},
        "e3": {"riddles": (8, 1), "sums": (1, 1)},
        **{name: {"arithmetic": (3, 1), "logic": (2, 1), "planning": (1, 2)} for name in OTHERS},
    }
)


def _spec(folder: Path) -> str:
    return f'symbolic_moe(profiles="{written(PROFILES, folder)}")'


def _reply(request: Request) -> str:
    match request.labels.purpose:
        case "skills":
            return "Keywords: riddles, animals"
        case "synthesis":
            return "Spiders are no insects. The answer is 8."
    return f"The answer is {8 if request.expert in ('e2', 'e3') else 6}."


ENTRY = Entry(
    spec=_spec,
    problem=Problem("legs", (Message("user", "How many legs has a spider?"),), "number"),
    right="8",
    script=_reply,
    calls=9,
    depth=3,
    experts=("e0", "e1", "e2", "e3"),
)
