"""Who looks on while a bench runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .runner import Bench


class Watcher(Protocol):
    """Sees a run as it goes."""

    async def look(self, bench: Bench) -> float:
        """Shows how the run stands; returns the seconds until it wants to look again."""
        ...

    def tell(self, text: str) -> None:
        """Shows one line about something out of the ordinary."""
        ...
