"""What decides, besides a lane's own limits, whether its expert may be asked now."""

from __future__ import annotations

from typing import Protocol

from orchestrator.types import Expert


class Gate(Protocol):
    """Decides whether an expert may be asked now; one that shares a GPU with others waits for its turn."""

    def open(self, expert: Expert) -> bool: ...

    def pumped(self, expert: Expert, queued: int) -> None:
        """Its lane has let out what it could, and `queued` flights stay behind; called whenever something changed."""
        ...


class AlwaysOpen:
    """The gate of experts that are served whenever they are asked."""

    def open(self, expert: Expert) -> bool:
        return True

    def pumped(self, expert: Expert, queued: int) -> None:
        return None
