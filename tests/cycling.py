"""An expert that goes round a few answers."""

from __future__ import annotations

from typing import Any

from orchestrator.experts.scripted import ScriptedExpert


def cycling(*answers: str, **settings: Any) -> ScriptedExpert:
    """Sample i gets the i-th answer, and then they go round."""
    return ScriptedExpert(lambda request: answers[request.sample_index % len(answers)], **settings)
