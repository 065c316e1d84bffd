"""Experts and books for the strategies that think by approaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Completion, Message, Problem, Request

ASKED = Problem("p", (Message("user", "How many legs have seven spiders?"),), "number")
BOOK = """
task = "legs"

[[pair]]
approach = "Algebra"
persona = "a zoologist"
right = 6
tried = 10

[[pair]]
approach = "Working backwards"
right = 9
tried = 10

[[pair]]
approach = "Drawing a table"
right = 7
tried = 10
"""
Says = Callable[[Request], "str | Completion"]


def book(folder: Path, text: str = BOOK) -> Path:
    path = folder / "book.toml"
    path.write_text(text, encoding="utf-8")
    return path


def by_approach(answers: Mapping[str, str | Completion], otherwise: str = "No idea.") -> Says:
    """Says what belongs to the first of these phrases that stands in the last message."""

    def reply(request: Request) -> str | Completion:
        text = request.messages[-1].text
        return next((said for phrase, said in answers.items() if phrase in text), otherwise)

    return reply


def thinking(
    answers: Mapping[str, str | Completion], *, latency: float = 0.0, otherwise: str = "No idea."
) -> ScriptedExpert:
    return ScriptedExpert(by_approach(answers, otherwise), latency=latency, max_n=1)


def asked(expert: ScriptedExpert, purpose: str = "answer") -> list[str]:
    """The last messages of the requests for a purpose."""
    return [request.messages[-1].text for request in expert.requests if request.labels.purpose == purpose]
