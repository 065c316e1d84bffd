"""Experts that judge by script, and runs for verifiers and aggregators to judge on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from orchestrator.budget import Budget
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.types import Candidate, Expert, Message, Problem, Request
from tests.run.stage import Played, play

T = TypeVar("T")

ASKED = Problem("p", (Message("user", "How many legs has a spider?"),), "number")


def named(expert: ScriptedExpert, id: str, model: str | None = None) -> Expert:
    """The expert under another name."""
    return replace(expert.value, id=id, model=model or id)


def saying(*replies: str) -> ScriptedExpert:
    """Says the replies in turn, one a request."""
    left = list(replies)
    return ScriptedExpert(lambda request: left.pop(0) if len(left) > 1 else left[0], max_n=1)


def answered(number: int, answer: str | None, *, text: str = "", expert: str = "author") -> Candidate:
    """The candidate of that number."""
    return Candidate(str(number), "p", text or f"So it is {answer}.", answer, answer, expert, "s", (number,))


def beside(act: Callable[[Run], Awaitable[T]]) -> Callable[[Run], Awaitable[T]]:
    """On a run of the sort that verifiers and aggregators are given."""
    return lambda run: act(run.beside((7, 0)))


def judged(
    act: Callable[[Run], Awaitable[T]],
    experts: Sequence[Expert | ScriptedExpert],
    *,
    problem: Problem = ASKED,
    judge: Expert | None = None,
    budget: Budget | None = None,
) -> Played[T]:
    """Has a verifier or an aggregator work."""
    return play(beside(act), *experts, problem=problem, roles={} if judge is None else {"judge": judge}, budget=budget)


def last_words(request: Request) -> str:
    """What was asked last."""
    return request.messages[-1].text
