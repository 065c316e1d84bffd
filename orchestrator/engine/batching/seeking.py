"""Looking for a batch of which the provider's name is not known: its process ended, or the answer was lost."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from typing import TYPE_CHECKING

from orchestrator.errors import ExpertError
from orchestrator.types import Undecided

from .endings import Lost
from .looks import LONGEST_LOOK, SLACK, SURE

if TYPE_CHECKING:
    from .trip import Trip

SEEKS = (1.0, 5.0, 15.0, 30.0)
"""Seconds before each of the first searches for a batch that nobody knows to be there."""


async def sought(trip: Trip) -> str | None:
    """The provider's name of a batch; `None` where it is surely not there.

    Where only the results of batches that are under way will tell which it is, that is waited for, as long as the batch
    itself might take.

    Raises:
        Lost: nobody knows.
        Barred: the key is not good for it any more.
    """
    if not trip.lane.carrier.finds:
        raise Lost("may have been sent, and its provider cannot be asked for it")
    misses, strikes, until, told = 0, 0, trip.base.clock() + SLACK, False
    for pause in chain(SEEKS, repeat(LONGEST_LOOK)):
        await asyncio.sleep(pause)
        try:
            found = await trip.lane.carrier.find(trip.token, trip.calls, trip.opened)
        except ExpertError as error:
            strikes = trip.struck(error, strikes)
        else:
            strikes, misses = 0, misses + 1 if found is None else 0
            if isinstance(found, Undecided):
                until = max(until, trip.since + trip.lane.terms.seconds + 2 * SLACK)
                told = told or _tell(trip, found)
            elif found is not None or misses == SURE:
                return found
        if trip.base.clock() > until:
            break
    raise Lost("may have been sent, and its provider does not say")


def which(found: Undecided) -> str:
    """What is known of a batch that may be one of several, in words."""
    if len(found.names) == 1:
        return f"it may be {found.names[0]}, which only the results of that will tell"
    return f"it may be one of {', '.join(found.names)}, which only their results will tell"


def _tell(trip: Trip, found: Undecided) -> bool:
    trip.base.tell(f"{trip.name} of {trip.calls} calls: {which(found)}; its calls wait until that is known")
    return True
