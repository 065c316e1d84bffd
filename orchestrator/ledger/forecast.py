"""What the calls of a branch that has yet to start are taken to need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from orchestrator.errors import BudgetExceeded

from .amount import NOTHING, Amount
from .claim import Claim, claim
from .scope import Scope
from .waiting import admitted, room


@dataclass(slots=True)
class Forecast:
    """Learns from the calls of one problem, and starts its branches accordingly.

    Until a branch has been followed to its end each call is taken to need the largest worst case asked so far; from
    then on, the most that a call came to. Where tokens or money are capped and nothing has been asked yet, the first
    branch starts alone and shows what is asked; that takes no reply.
    """

    asked: Amount = Amount(1)
    """The largest worst case of a call."""
    came_to: Amount = Amount(1)
    """The largest bill of a reply."""
    followed: bool = False
    """Whether a branch has come to its end."""
    _started: set[Claim] = field(default_factory=set)
    """Branches that have not ended."""
    _news: dict[asyncio.Future[None], set[Claim]] = field(default_factory=dict)
    """Those that wait for one to show what is asked, each with the branches around it."""
    _held: dict[Callable[[], None], None] = field(default_factory=dict)
    """What wakes those that wait for room."""

    def ask(self, worst: Amount) -> None:
        """A call is about to be made."""
        self.asked = self.asked.or_more(worst)
        self._tell()

    def reply(self, used: Amount) -> None:
        """A reply came."""
        self.came_to = self.came_to.or_more(used)

    async def start(
        self, chain: tuple[Scope, ...], calls: int, priority: tuple[int, ...], outer: Claim | None = None
    ) -> Claim:
        """Waits until the caps of `chain` cover a branch of `calls` calls, and keeps the room for them.

        Raises:
            BudgetExceeded: nothing under way could make room.
        """
        around = _around(outer)
        while self._blind(chain) and self._scouts(around):
            await self._hear(around)
        unit = NOTHING

        def ask() -> Claim | Scope:
            nonlocal unit
            unit, got = self._claim(chain, calls, outer, priority)
            return got

        # Parked with just what it was refused: of two that were woken for less, each would wake the other for ever.
        got = await admitted(
            ask, lambda held: room(held, priority, (unit * calls).or_more(self.asked), early=self._held)
        )
        self._started.add(got)
        return got

    def end(self, branch: Claim, followed: bool) -> None:
        """A branch that was started has ended; `followed` if nothing went wrong on its way."""
        learned, self.followed = followed and not self.followed, self.followed or followed
        self._started.discard(branch)
        branch.release()
        if learned:
            for wake in tuple(self._held):
                wake()  # each needs less now than what it is parked with
        self._tell()

    def _claim(
        self, chain: tuple[Scope, ...], calls: int, outer: Claim | None, priority: tuple[int, ...]
    ) -> tuple[Amount, Claim | Scope]:
        """What each call is taken to need, and the claim on as much, or the scope that holds it back."""
        kept = partial(claim, chain, calls, least=self.asked, outer=outer, priority=priority)
        if not self.followed:
            try:
                return self.asked, kept(self.asked)
            except BudgetExceeded:
                # Nothing is under way, so that one branch may try with what calls have come to so far.
                pass
        return self.came_to, kept(self.came_to)

    def _blind(self, chain: tuple[Scope, ...]) -> bool:
        unknown = self.asked.tokens == 0 and self.asked.usd == 0
        return unknown and any(s.budget.tokens is not None or s.budget.usd is not None for s in chain)

    def _scouts(self, around: set[Claim]) -> set[Claim]:
        """Started branches that may show what is asked: those inside of which nobody waits to see it."""
        return self._started.difference(around, *self._news.values())

    async def _hear(self, around: set[Claim]) -> None:
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._news[news] = around
        try:
            await news
        finally:
            del self._news[news]

    def _tell(self) -> None:
        for news in self._news:
            if not news.done():
                news.set_result(None)


def _around(branch: Claim | None) -> set[Claim]:
    """A branch and those around it: what is inside of them cannot wait for what they show."""
    return set() if branch is None else {branch, *_around(branch.outer)}
