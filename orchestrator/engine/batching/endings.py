"""How a batch may end otherwise than with its results."""

from __future__ import annotations

from orchestrator.errors import ExpertError


class Unsent(Exception):
    """A batch was surely not taken."""

    def __init__(self, error: ExpertError) -> None:
        super().__init__(str(error))
        self.error = error


class Lost(Exception):
    """Nobody will learn what became of a batch."""


class Barred(Exception):
    """The provider does not let us look at a batch."""

    def __init__(self, error: ExpertError) -> None:
        super().__init__(str(error))
        self.error = error
