"""What left an engine, over all problems."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """What left, over all problems."""

    attempts: int = 0
    failed: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Settings that an expert does not take, by expert."""
