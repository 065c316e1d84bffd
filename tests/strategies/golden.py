"""Golden traces: what a strategy asks, in which order and together with what, and what it emits."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Json, Outcome, Place


def calls(outcome: Outcome) -> list[tuple[Place, str]]:
    """Place and purpose of every call, in the order in which the replies came."""
    return [(event.place, str(event.facts["purpose"])) for event in outcome.trace if event.kind == "call"]


def emitted(outcome: Outcome) -> list[tuple[Place, str | None]]:
    """Place and answer of every candidate, in lineage order."""
    return [(scored.candidate.place, scored.candidate.answer) for scored in outcome.candidates]


def notes(outcome: Outcome, kind: str) -> list[dict[str, Json]]:
    """The facts of all events of a kind, in order."""
    return [dict(event.facts) for event in outcome.trace if event.kind == kind]


def batches(expert: ScriptedExpert) -> list[list[int]]:
    """Sample indices of every attempt, in the order in which the attempts left."""
    return [[request.sample_index for request in batch] for batch in expert.batches]


def lineage_is_sound(outcome: Outcome, experts: Sequence[ScriptedExpert]) -> bool:
    """Whether every candidate names as parents requests that were made or candidates that were emitted before it."""
    asked = {request.key.hex() for expert in experts for request in expert.requests}
    known = set(asked)
    for scored in outcome.candidates:
        if not scored.candidate.parents or not set(scored.candidate.parents) <= known:
            return False
        known.add(scored.candidate.id)
    return True
