"""What all runs of one problem share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator import answers
from orchestrator.engine import Engine, Leaving
from orchestrator.errors import ContentFiltered, ExpertError, Truncated
from orchestrator.ledger import Amount, Forecast
from orchestrator.own_prompts import SHIPPED, PromptSource
from orchestrator.trace import Trace
from orchestrator.types import Completion, Expert, Problem, Usage

from .shared import Shared
from .wanted import Draft

if TYPE_CHECKING:
    from orchestrator.sandbox import Sandbox


@dataclass(slots=True)
class Meter:
    """What one problem's calls came to."""

    usage: Usage = field(default_factory=Usage)

    def add(self, completion: Completion, paid: Amount, cached: bool) -> None:
        t = completion.tokens
        self.usage += Usage(
            calls=1,
            cached_calls=int(cached),
            prompt_tokens=t.prompt,
            completion_tokens=t.completion,
            reasoning_tokens=t.reasoning,
            cached_prompt_tokens=t.cached_prompt,
            usd=t.usd,
            paid_usd=paid.usd,
        )

    def lose(self, error: ExpertError) -> None:
        if isinstance(error, Truncated):
            self.usage += Usage(truncated=1)
        elif isinstance(error, ContentFiltered):
            self.usage += Usage(refused=1)
        else:
            self.usage += Usage(failed=1)


@dataclass(slots=True)
class Table:
    """What all runs of one problem share."""

    engine: Engine
    trace: Trace
    seed: int
    salt: str
    roles: Mapping[str, Expert]
    fallbacks: Mapping[str, Expert]
    turn: int = 0
    sandbox: Sandbox | None = None
    """Of whoever opened the run, who also closes it."""
    prompts: PromptSource = SHIPPED
    ran_programs: bool = False
    """Whether anybody has asked for the sandbox."""
    leaving: Leaving = field(default_factory=Leaving)
    meter: Meter = field(default_factory=Meter)
    forecast: Forecast = field(default_factory=Forecast)
    readings: dict[str, answers.Reading | None] = field(default_factory=dict)
    shared: Shared = field(default_factory=Shared)
    drafts: dict[str, Draft] = field(default_factory=dict)
    """By expert, what was wanted of it last."""

    async def reading(self, problem: Problem, text: str) -> answers.Reading | None:
        """The answer in a reply; each text is read once."""
        if text not in self.readings:
            self.readings[text] = await answers.read(problem, text)
        return self.readings[text]
