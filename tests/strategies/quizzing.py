"""A question of choice, examples for it, and what an expert is shown of both."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator import Message, Problem, Request
from orchestrator.strategies._example_store import Chain, WorkedExample
from orchestrator.types import LETTERS, Completion

OPTIONS = ("Mars", "Jupiter", "Saturn", "Venus")
ASKED = Problem("p", (Message("user", "Which planet is the largest in the solar system?"),), "choice", OPTIONS)
Script = Callable[[Request], str | Completion]


def example(question: str, *options: str, answer: str = "A", **fields: object) -> WorkedExample:
    chain = Chain(f"Thinking of: {question} The answer is ({answer}).")
    given = {"kind": "choice", "chains": (chain,), **fields}
    return WorkedExample(question=question, options=options, answer=answer, **given)  # type: ignore[arg-type]


POOL = (
    example("At what temperature does water boil?", "100 C", "50 C"),
    example("Which planet is closest to the sun?", "Mercury", "Neptune"),
    example("Which planet has the largest moon?", "Earth", "Jupiter", answer="B"),
    example("Who wrote Faust?", "Goethe", "Schiller"),
    example("How many planets are there in the solar system?", "eight", "nine"),
    example("Which planet spins on its side?", "Mars", "Uranus", answer="B"),
)


def shown(request: Request, turn: int = -1) -> list[str]:
    """The options that a message shows, in their order."""
    lines = request.messages[turn].text.splitlines()
    return [line[4:] for line in lines if line.startswith("(") and line[2:4] == ") "]


def picks(text: str) -> Script:
    """Always chooses the option with this text, by the letter that it has where it is asked."""
    return lambda request: f"So. The answer is ({LETTERS[shown(request).index(text)]})."


def questions(request: Request) -> list[str]:
    """First lines of all user messages."""
    return [message.text.splitlines()[0] for message in request.messages if message.role == "user"]
