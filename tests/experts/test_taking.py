"""A device that models in this process run on is given back, whoever asked for it and stopped waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from orchestrator.errors import ConfigError
from orchestrator.experts.in_process.taking import Taking


class Shelf:
    """Stands for the device: counts how often it is taken and given back."""

    def __init__(self) -> None:
        self.taken = self.released = 0
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def take(self) -> Shelf:
        self.begun.set()
        assert self.may_go_on.wait(60)
        self.taken += 1
        return self

    async def release(self) -> None:
        self.released += 1


def taking(take: Callable[[], Shelf]) -> Taking:
    return Taking(take)  # type: ignore[arg-type]


async def called_off(wanted: Taking, shelf: Shelf) -> None:
    """Somebody asks, and stops waiting while it is being taken."""
    asking = asyncio.ensure_future(wanted.taken())
    await asyncio.to_thread(shelf.begun.wait, 60)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_what_is_taken_for_somebody_who_stopped_waiting_is_given_back() -> None:
    shelf = Shelf()
    wanted = taking(shelf.take)
    await called_off(wanted, shelf)
    closing = asyncio.ensure_future(wanted.release())
    shelf.may_go_on.set()
    await closing
    assert (shelf.taken, shelf.released) == (1, 1)


async def test_the_next_who_asks_has_what_was_taken_for_another() -> None:
    shelf = Shelf()
    wanted = taking(shelf.take)
    await called_off(wanted, shelf)
    shelf.may_go_on.set()
    assert await wanted.taken() is await wanted.taken()
    await wanted.release()
    await wanted.release()
    assert (shelf.taken, shelf.released) == (1, 1)


async def test_after_a_failure_the_next_one_tries_again() -> None:
    shelf, fails = Shelf(), [True, False]
    shelf.may_go_on.set()

    def take() -> Shelf:
        if fails.pop(0):
            raise ConfigError("no such device")
        return shelf.take()

    wanted = taking(take)
    with pytest.raises(ConfigError, match="no such device"):
        await wanted.taken()
    await wanted.taken()
    await wanted.release()
    assert (shelf.taken, shelf.released) == (1, 1)


async def test_nothing_is_given_back_where_nothing_could_be_taken_or_nobody_asked() -> None:
    def take() -> Shelf:
        raise ConfigError("no such device")

    await taking(take).release()
    wanted = taking(take)
    with pytest.raises(ConfigError):
        await wanted.taken()
    await wanted.release()
