"""Proposers and a writer for mixtures of agents, by script, and what they are shown."""

from __future__ import annotations

import re

from orchestrator import Message, Outcome, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert

TASK = Problem("p", (Message("user", "How many legs has a spider?"),), "number")


def agent(request: Request) -> str:
    """Proposer i says 10 + i in the first layer and more in each later one; the writer says 8."""
    if request.labels.purpose == "synthesis":
        return "Put together: the answer is 8."
    before = [int(number) for number in re.findall(r"The answer is (\d+)", request.messages[0].text)]
    layer = 1 + max(before, default=0) // 10
    return f"I am proposer {request.sample_index}. The answer is {10 * layer + request.sample_index}."


def shown(request: Request) -> list[str]:
    """What the system message lists, in order."""
    return re.findall(r"Candidate \d+:\n```\n(.*?)\n```", request.messages[0].text, re.DOTALL)


async def mixed(expert: ScriptedExpert, spec: str = "moa", problem: Problem = TASK, **step: object) -> Outcome:
    return await asolve(problem, experts=[expert.value], strategy=spec, **step)  # type: ignore[misc]
