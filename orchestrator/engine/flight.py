"""A request under way, and those who wait for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from orchestrator.budget import Budget
from orchestrator.ledger import NOTHING, Amount, Claim, Parked, Reservation, Scope
from orchestrator.types import Completion, Expert, Request

from .coming import Declared
from .habits import Followed
from .prefix import Prefix
from .retry import Pause
from .throttle import Permit

if TYPE_CHECKING:
    from .prefixes import Shared

_PER_MESSAGE = 16
"""Bound on the tokens that a chat template adds to a message."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a request may come to at the most."""

    image_tokens: int = 2048
    """Bound on the prompt tokens of one image part."""

    def worst(self, request: Request, expert: Expert) -> Amount:
        """The largest bill of one sample: no tokenizer makes more tokens than a text has UTF-8 bytes."""
        images = sum(len(message.images) for message in request.messages)
        prompt = request.size + _PER_MESSAGE * (len(request.messages) + 1) + images * self.image_tokens
        completion = request.sampling.max_tokens or 0
        usd = expert.price.most(prompt, completion) if expert.price else 0.0
        return Amount(1, prompt + completion, usd)


@dataclass(slots=True, eq=False)
class Leaving:
    """How a problem's run leaves: with `grace`, replies in flight may still land in the journal.

    All calls of one problem have the same one, by which they are known to belong together.
    """

    grace: bool = False
    followed: Followed | None = None
    """Where models share memory: what the problem has asked so far, beside what others of its kind did."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Who asks: the scopes that pay, and the place in the queue."""

    scope: Scope
    turn: int = 0
    """Problem number in a benchmark, round of the client in a server."""
    stage: int = 0
    """Replies awaited along the path so far: deeper calls leave first, so that few branches end instead of none."""
    claim: Claim | None = None
    leaving: Leaving = field(default_factory=Leaving)
    declared: Declared | None = None
    """What its branch has said that it will ask."""

    @property
    def priority(self) -> tuple[int, int]:
        return (self.turn, -self.stage)


@dataclass(frozen=True, slots=True)
class Landed:
    """A reply as one waiter gets it."""

    completion: Completion
    paid: Amount = NOTHING
    """What this waiter's own attempt was billed; nothing for those who joined."""
    counted: bool = True
    """Whether the reply stands on the waiter's scopes already."""
    joined: bool = True
    """Whether it came from a journal or from another's request."""


@dataclass(slots=True, eq=False)
class Waiter:
    seat: Seat
    result: asyncio.Future[Landed]
    reservation: Reservation | None = None

    @property
    def waiting(self) -> bool:
        return not self.result.done()


class State(Enum):
    QUEUED = auto()
    """In its lane, or parked on a scope that holds it back."""
    OUT = auto()
    RESTING = auto()
    """Between a failure and the next attempt."""
    GONE = auto()


@dataclass(slots=True, eq=False)
class Flight:
    """Identical requests are one flight; each waiter has its own seat and reservation."""

    request: Request
    worst: Amount
    waiters: list[Waiter]
    state: State = State.QUEUED
    ticket: tuple[int, ...] = ()
    """Its place among those of its priority. Changes whenever it is queued anew, so that old queue entries and wake-ups
    are stale."""
    leader: Waiter | None = None
    """Whose paid scopes bear the attempt that is out."""
    departure: Departure | None = None
    recovery: asyncio.Task[None] | None = None
    retried: asyncio.Future[None] | None = None
    """Where the recovery waits for the outcome of another attempt."""
    pause: Pause = field(default_factory=Pause)
    parked: list[tuple[Parked, Scope]] = field(default_factory=list)
    """Its places on the scopes that hold it back."""
    woken: tuple[Scope, ...] = ()
    """The scopes that gave it a turn, which is the next one's once it has tried."""
    alone: bool = False
    """A provider did not return its choice among others, so that it is asked for by itself."""
    prefixes: tuple[Prefix, ...] = ()
    """Beginnings of its conversation that others may share; known once it has been in a lane."""
    abandoned: bool = False
    """Nobody waited any more while it was out; an attempt that others of its group still want goes on."""

    @property
    def wanted(self) -> list[Waiter]:
        return [waiter for waiter in self.waiters if waiter.waiting]

    @property
    def priority(self) -> tuple[int, int]:
        """That of its best waiter."""
        return min((waiter.seat.priority for waiter in self.wanted), default=(0, 0))

    def serve(self, completion: Completion, paid: Amount) -> None:
        """Settles every reservation and hands the reply to all who wait; whoever left has used nothing."""
        used = Amount.of(completion.tokens)
        for waiter in self.waiters:
            led = waiter is self.leader
            if waiter.reservation is not None:
                waiter.reservation.settle(used if waiter.waiting else NOTHING, paid if led else NOTHING)
            if waiter.waiting:
                counted = waiter.reservation is not None
                waiter.result.set_result(Landed(completion, paid if led else NOTHING, counted, joined=not led))

    def settle_failure(self, charged: bool) -> None:
        """Ends the reservations of an attempt that brought nothing: the leader bears what it may have cost."""
        for waiter in self.waiters:
            if waiter.reservation is None:
                continue
            if charged and waiter is self.leader:
                waiter.reservation.charge()
            else:
                waiter.reservation.refund()
            waiter.reservation = None

    def settle_missing(self, spoiled: bool) -> None:
        """Ends the reservations of a sample that others of its attempt came without.

        A spoiled one was generated: it is a call, whose tokens are in the bill that the others share.
        """
        leader = self.leader
        if spoiled and leader is not None and leader.reservation is not None:
            leader.reservation.spoil(Amount(calls=1))
        self.settle_failure(charged=False)

    def fail(self, error: Exception) -> None:
        for waiter in self.wanted:
            waiter.result.set_exception(error)

    def unpark(self) -> None:
        """Leaves its places on the scopes that held it back, and lets those go on who kept behind it there."""
        places, self.parked = self.parked, []
        freed = [scope for parked, scope in places if parked.leave()]
        for scope in freed:
            scope.stir()

    def hand_on(self) -> None:
        """Gives the turns that it had to those who wait behind it."""
        woken, self.woken = self.woken, ()
        for scope in woken:
            scope.stir()


@dataclass(slots=True, eq=False)
class Departure:
    """One attempt that is under way for a group of flights."""

    flights: list[Flight]
    generation: int
    """Of the lane's window when it left."""
    probe: bool = False
    """Whether an open circuit let it out to see if the server lives."""
    task: asyncio.Task[None] | None = None
    row: int | None = None
    """Its number in the journal."""
    permit: Permit | None = None
    left: bool = False
    """Whether the provider may have seen it."""
    landed: bool = False
    kept: bool = False
    """Nobody waits for it any more, but a later process will: a batch that outlived the seconds of its run."""
    shared: Shared | None = None
    """What it shares with others, where their provider keeps what it was asked."""

    @property
    def abandoned(self) -> bool:
        """Whether nobody wants anything of it."""
        if self.landed or self.kept:
            return False
        return all(flight.abandoned or flight.state is State.GONE for flight in self.flights)


def unlimited(name: str = "run") -> Scope:
    """A root scope without caps that meters what is paid."""
    return Scope(name, Budget(), paid=True)
