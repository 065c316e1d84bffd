"""What is asked for, before and after the settings of the expert that is asked are put on it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.types import Expert, JsonObject, Prompt, Request, Sampling


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a strategy asks for."""

    prompt: Prompt
    sampling: Sampling | None
    purpose: str
    tools: tuple[JsonObject, ...] = ()
    response_format: JsonObject | None = None
    growth: int = 1
    """By how much the cap on tokens is raised."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What was wanted of an expert, and its first sample as the expert is asked for it."""

    expert: Expert
    wanted: Wanted
    request: Request

    def fits(self, expert: Expert, wanted: Wanted, salt: str) -> bool:
        """Whether the same is wanted again; never of what its owner may have changed in place."""
        loose = wanted.tools or wanted.response_format or (wanted.sampling and wanted.sampling.extra_body)
        return self.expert is expert and not loose and self.request.salt == salt and self.wanted == wanted
