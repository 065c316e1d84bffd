from __future__ import annotations

from pathlib import Path

from orchestrator import Message, Problem
from orchestrator.strategies._example_store import Chain, Store, WorkedExample
from orchestrator.types import LETTERS, Request
from tests.strategies.entry import Entry

OPTIONS = ("Copper", "Iron", "Gold", "Lead")
PROBLEM = Problem("metal", (Message("user", "Which metal does not tarnish in air?"),), "choice", OPTIONS)
EXAMPLES = (
    WorkedExample(
        "choice",
        "Which metal melts in the hand?",
        ("Gallium", "Iron"),
        "A",
        (Chain("Gallium melts at 30 degrees. The answer is (A)."),),
    ),
    WorkedExample(
        "choice",
        "Which tree keeps its leaves in winter?",
        ("Oak", "Fir"),
        "B",
        (Chain("Oaks shed theirs. The answer is (B)."),),
    ),
)


def script(request: Request) -> str:
    """Without an example the first option is taken; with one, Gold too where it is among the last two."""
    text = request.messages[-1].text
    shown = [line[4:] for line in text.splitlines() if line[:1] == "(" and line[2:4] == ") "]
    if "Gold" not in shown:
        return "I would say that the answer is (A)."
    place = shown.index("Gold")
    knows = len(request.messages) > 1 and place >= 2
    return f"They look alike at first. The answer is ({LETTERS[place if knows else 0]})."


def spec(folder: Path) -> str:
    path = folder / "examples.json"
    path.write_text(Store(EXAMPLES).to_json(), encoding="utf-8")
    return f'medprompt(store="{path}", examples=1)'


ENTRY = Entry(spec=spec, problem=PROBLEM, right="C", script=script, calls=5, depth=1)
