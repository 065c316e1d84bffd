"""The file of a batch: a line for each of its requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.errors import ExpertError
from orchestrator.protocols import BatchBackend

from ..flight import Flight

if TYPE_CHECKING:
    from .trip import Trip


_AT_ONCE = 64
"""Lines that are written between two moments at which it may end: a line takes up to five milliseconds of CPU, a large
batch minutes, and a thread cannot be called off."""


async def packed(trip: Trip) -> list[bytes]:
    """The lines of its file; what nobody wants any more, or does not fit, is taken out."""
    boarded = tuple(trip.departure.flights)
    written: list[bytes | ExpertError] = []
    for start in range(0, len(boarded), _AT_ONCE):
        written += await asyncio.to_thread(_written, trip.lane.carrier, boarded[start : start + _AT_ONCE])
    lines: list[bytes] = []
    size, most = 0, trip.lane.terms.size
    trip.departure.flights.clear()
    for flight, line in zip(boarded, written, strict=True):
        if isinstance(line, bytes) and flight.wanted and size + len(line) < most:
            lines.append(line)
            size += len(line) + 1  # the break
            trip.departure.flights.append(flight)
            continue
        flight.settle_failure(charged=False)
        if isinstance(line, ExpertError):
            trip.base.refuse(flight, line)
        elif not flight.wanted:
            trip.base.flights.drop(flight)
        elif len(line) < most:
            trip.lane.enter(flight)
        else:
            trip.lane.fly(flight)  # no file would hold it
    return lines


def _written(carrier: BatchBackend, flights: Sequence[Flight]) -> list[bytes | ExpertError]:
    """Each flight's line, or why there can be none."""
    lines: list[bytes | ExpertError] = []
    for flight in flights:
        try:
            lines.append(carrier.line(flight.request))
        except ExpertError as error:
            lines.append(error)
    return lines
