"""Pools of scripted experts for Symbolic-MoE, and what they were asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator import Message, Problem, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.protocols import Strategy
from orchestrator.types import Completion, Expert, Outcome, Request
from tests.skills.making import profiles_of, written

LEGS = Problem("legs", (Message("user", "How many legs has a spider?"),), "number")
KNOWN = profiles_of(
    {
        "e0": {"riddles": (0, 9), "sums": (9, 1)},
        "e1": {"riddles": (6, 1), "sums": (1, 3)},
        "e2": {"riddles": (9, 1), "sums": (1, 4)},
    }
)

Says = Callable[[Request], "str | Completion"]


class Pool:
    """Experts `e0`, `e1`... that answer by one script, and all that they were asked."""

    def __init__(self, count: int = 3, latency: float = 0.0, **says: str | Says) -> None:
        self.requests: list[Request] = []
        self._says = {"skills": "Keywords: riddles, animals", "synthesis": "The answer is 8.", **says}
        self.experts = [self._expert(f"e{i}", latency) for i in range(count)]

    def _expert(self, name: str, latency: float) -> Expert:
        made = ScriptedExpert(self._reply, id=name, latency=latency, max_n=1)
        return replace(made.value, id=name, model=name, concurrency=10_000)

    def another(self, name: str, **changes: Any) -> Expert:
        """One more expert that says the same."""
        return replace(self._expert(name, 0.0), **changes)

    def _reply(self, request: Request) -> str | Completion:
        self.requests.append(request)
        said = self._says.get(request.labels.purpose, lambda r: f"{r.expert} thinks. The answer is 8.")
        return said if isinstance(said, str) else said(request)

    def asked(self, purpose: str) -> list[Request]:
        return [request for request in self.requests if request.labels.purpose == purpose]

    def who(self, purpose: str) -> list[str]:
        return [request.expert for request in self.asked(purpose)]

    @property
    def counts(self) -> dict[str, int]:
        purposes = [request.labels.purpose for request in self.requests]
        return {purpose: purposes.count(purpose) for purpose in dict.fromkeys(purposes)}


def spec(folder: Path, settings: str = "", profiles: Any = KNOWN) -> str:
    """The strategy with these profiles."""
    return f'symbolic_moe(profiles="{written(profiles, folder)}"{", " + settings if settings else ""})'


async def solved(pool: Pool, strategy: str | Strategy, problem: Problem = LEGS, **options: object) -> Outcome:
    return await asolve(problem, experts=pool.experts, strategy=strategy, **options)  # type: ignore[arg-type]


def facts(outcome: Outcome) -> Mapping[str, Any]:
    """What the trace says of whom was recruited."""
    (event,) = (event for event in outcome.trace if event.kind == "recruited")
    return event.facts
