from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.types import Candidate, Scored, Verdict


@pytest.fixture
def scored() -> Callable[..., Scored]:
    """`scored(3, "A", 0.5, True)`: the fourth candidate of a run, its answer, score and whether it passed."""

    def build(
        number: int,
        key: str | None,
        score: float | None = None,
        passed: bool | None = None,
        text: str = "",
        expert: str = "e",
    ) -> Scored:
        candidate = Candidate(str(number), "p", text or f"so: {key}", key, key, expert, "s", (number,))
        return Scored(candidate, None if score is None else Verdict(score, passed, "", "v"))

    return build
