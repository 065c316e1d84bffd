"""An expert that does what Tree of Thoughts asks for, by script."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator import Message, Problem, Request
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Completion

from .judging import last_words

HAND = Problem("g", (Message("user", "Use 2 3 4 to make 24."),), "game24")
ESSAY = Problem("t", (Message("user", "Write four lines about the sea."),), "text")
SUM = Problem("n", (Message("user", "What is 6 times 7?"),), "number")
TASK = Problem("c", (Message("user", "Write f."),), "code")
Says = Callable[[Request], "str | Completion"]


def left_in(request: Request) -> str:
    return last_words(request).partition("numbers are left: ")[2].partition("\n")[0]


def player(latency: float | str = 0.0, **says: str | Says) -> ScriptedExpert:
    """Plays 24 of 2 3 4, plans, votes for the first and calls everything likely.

    Args:
        says: by purpose, what is said instead.
    """
    steps = {
        "2 3 4": "2 + 3 = 5 (left: 4 5)\n2 * 3 = 6 (left: 4 6)\n4 - 2 = 2 (left: 2 3)",
        "4 5": "4 * 5 = 20 (left: 20)",
        "4 6": "4 * 6 = 24 (left: 24)\n4 + 6 = 10 (left: 10)",
        "2 3": "2 * 3 = 6 (left: 6)",
    }

    def usual(request: Request) -> str:
        match request.labels.purpose:
            case "propose":
                return steps[left_in(request)]
            case "think":
                return f"Plan {request.sample_index} of this."
            case "value":
                return "likely"
            case "vote":
                return "The best choice is 1."
        if request.labels.problem == "g":
            return "Answer: 2 * 3 * 4 = 24" if "(left: 24)" in last_words(request) else "Answer: 2 + 3 * 4 = 24"
        return f"The answer is {request.sample_index}.\n```python\nx = {request.sample_index}\n```"

    def reply(request: Request) -> str | Completion:
        said = says.get(request.labels.purpose, usual)
        return said if isinstance(said, str) else said(request)

    return ScriptedExpert(reply, latency=latency)


def looking_ahead(request: Request) -> str:
    if not (left := left_in(request)):
        return "sure" if "2 * 3 * 4" in last_words(request) else "impossible"
    return {"4 6": "sure", "4 5": "likely"}.get(left, "impossible")
