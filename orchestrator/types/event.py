"""What happened on one problem."""

from __future__ import annotations

from dataclasses import dataclass

from .message import Json
from .request import Place


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    """`call`, `emit`, `verdict`, `retry`, `truncated`, `fallback`, `lost`, `stop`..."""
    place: Place
    at: float
    """Seconds since the trace began."""
    facts: dict[str, Json]

    def to_json(self) -> dict[str, Json]:
        return {"kind": self.kind, "place": list(self.place), "at": round(self.at, 4), **self.facts}
