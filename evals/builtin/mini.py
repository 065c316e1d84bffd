"""A mix of all sets that are made up, one of each in turn."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.types import Json

from . import SETS
from . import rows as rows_of


def rows(seed: int) -> Iterator[dict[str, Json]]:
    """As many problems as wanted, the same for the same seed; each has the id that it has in its own set."""
    streams = [rows_of(name, seed) for name in SETS if name != "mini"]
    for turn in zip(*streams, strict=False):
        yield from turn
