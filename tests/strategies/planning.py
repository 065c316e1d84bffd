"""An expert that does what PlanSearch and IdeaSearch ask for, by script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator import Message, Problem, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Completion, Expert, Outcome, Request
from tests.clock import run_virtual

TASK = Problem("p", (Message("user", "Write f."),), "code")
SUM = Problem("p", (Message("user", "What is 6 times 7?"),), "number")
LISTS = ("serialise", "shortlist")
CHAIN = ["observe", "list", "filter", "serialise"]
"""Purposes of a conversation about observations."""
ORIGINAL = ["plan", "pseudocode", "answer"]
REVISED = ["plan", "criticise", "fix", "pseudocode", "answer"]

Says = Callable[[Request], "str | Completion"]


def thinker(count: int = 3, *, latency: float | str = 0.0, seed: int = 0, **says: str | Says) -> ScriptedExpert:
    """An expert that says what `script` makes it say."""
    return ScriptedExpert(script(count, **says), latency=latency, seed=seed)


def script(count: int = 3, **says: str | Says) -> Says:
    """Brings `count` observations a conversation, all different, and a program that nobody else writes.

    Args:
        says: by purpose, what is said instead: a text, or a function of the request.
    """

    def usual(request: Request) -> str:
        purpose, mark = request.labels.purpose, mark_of(request)
        if purpose in LISTS:
            return json.dumps([f"Fact {mark}{i} holds." for i in range(count)])
        if purpose == "answer":
            return f"Done. The answer is {int(mark, 16)}.\n```python\ndef f(x):\n    return {int(mark, 16)}\n```"
        return f"A {purpose} called {mark}."

    def reply(request: Request) -> str | Completion:
        said = says.get(request.labels.purpose, usual)
        return said if isinstance(said, str) else said(request)

    return reply


def mark_of(request: Request) -> str:
    """Six signs that tell a request from any other."""
    return request.key.hex()[:6]


def wide(expert: ScriptedExpert, id: str = "scripted") -> Expert:
    """The expert without a limit on what it does at once."""
    return replace(expert.value, id=id, concurrency=10_000)


def search(expert: ScriptedExpert, spec: str, problem: Problem = TASK) -> tuple[Outcome, float]:
    """The outcome, and the seconds that it took by the expert's clock."""
    return run_virtual(asolve(problem, experts=[wide(expert)], strategy=spec))


def counts(expert: ScriptedExpert) -> dict[str, int]:
    """How often it was asked, by purpose."""
    found: dict[str, int] = {}
    for request in expert.requests:
        found[request.labels.purpose] = found.get(request.labels.purpose, 0) + 1
    return found


def asked_for(expert: ScriptedExpert, purpose: str) -> list[Request]:
    return [request for request in expert.requests if request.labels.purpose == purpose]


def shown(request: Request) -> set[str]:
    """The observations in a prompt."""
    return {line.removeprefix("- ") for line in request.messages[-1].text.splitlines() if line.startswith("- Fact")}


def purposes(outcome: Outcome) -> Mapping[str, str]:
    """By key, what each call of the trace was for."""
    return {str(event.facts["key"]): str(event.facts["purpose"]) for event in outcome.trace if event.kind == "call"}


def lines(outcome: Outcome) -> list[list[str]]:
    """For every candidate what the replies were for that it was made from, in order: read out of the trace alone."""
    known = purposes(outcome)
    emitted: dict[tuple[int, ...], Any] = {e.place: e.facts["parents"] for e in outcome.trace if e.kind == "emit"}
    return [[known[key] for key in emitted[scored.candidate.place]] for scored in outcome.candidates]
