"""What all ways to a provider's batches have in common: each request has its time, and its faults have names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from orchestrator.errors import BadCompletion, ConnectionLost, ExpertError, ExpertTimeout, ServerBusy
from orchestrator.types import Expert

T = TypeVar("T")


class Way(Protocol):
    """Knows what went wrong on it."""

    def classify(self, error: Exception) -> ExpertError: ...


async def in_time(expert: Expert, way: Way, work: Awaitable[T]) -> T:
    """What a provider says, within the time of one request.

    Raises:
        ExpertError: what went wrong, or that it took too long.
    """
    try:
        async with asyncio.timeout(expert.timeout):
            return await work
    except Exception as error:
        raise failure(expert, way, error) from None


def failure(expert: Expert, way: Way, error: Exception) -> ExpertError:
    """What went wrong, as an error of our tree."""
    if isinstance(error, ExpertError):
        return error
    if isinstance(error, TimeoutError):
        return ExpertTimeout(f"no answer in {expert.timeout:g} s", expert=expert.id)
    return way.classify(error)


def unless_there(error: ExpertError) -> ExpertError:
    """The error of creating a batch: after a 500 it may be there all the same, and what is sent twice is paid twice."""
    if isinstance(error, ServerBusy) and error.message.startswith("500"):
        return ConnectionLost(error.message, expert=error.expert)
    return error


def named(batch: object, expert: Expert) -> str:
    """The provider's name of a batch.

    Raises:
        BadCompletion: it has none.
    """
    if not (name := batch.get("id") if isinstance(batch, dict) else None):
        raise BadCompletion("it does not say what a batch is called", expert=expert.id)
    return str(name)
