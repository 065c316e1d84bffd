"""One level of caps, and those who wait for room in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from orchestrator.budget import Budget
from orchestrator.errors import BudgetExceeded

from .amount import NOTHING, Amount
from .parking import Parked, Parking

if TYPE_CHECKING:
    from .claim import Claim

_ROUNDING = 1e-9
"""Sums of dollars may exceed a cap by rounding, relative to it, and never by more; calls and tokens are whole."""


@dataclass(slots=True, eq=False)
class Scope:
    """One level of caps.

    Args:
        name: unique within a run; attempts that were charged without a reply are found under it on resume.
        budget: the caps; `seconds` is the affair of whoever opens the scope.
        parent: the scope around it.
        paid: counts what was paid instead of what was used.
        spent: what is spent already, after a resume.
    """

    name: str
    budget: Budget = field(default_factory=Budget)
    parent: Scope | None = None
    paid: bool = False
    spent: Amount = NOTHING
    reserved: Amount = NOTHING
    owed: Amount = NOTHING
    """Calls that started branches will still make."""
    outstanding: int = 0
    """Reservations that are not settled."""
    claims: int = 0
    over: bool = False
    """Its seconds have passed: it admits nothing more."""
    chain: tuple[Scope, ...] = field(init=False)
    """This scope and those around it, leaf to root."""
    _queues: dict[tuple[str, bool], Parking] = field(default_factory=dict)
    """Those who wait, by kind and by whether room is kept for them."""
    _hopeless: list[Parked] = field(default_factory=list)
    """Those that no settlement can help; they are refused once nothing is outstanding, and block nobody meanwhile."""
    _numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.chain = (self, *(self.parent.chain if self.parent else ()))

    @property
    def capped(self) -> bool:
        """Whether calls, tokens or money are."""
        budget = self.budget
        return budget.calls is not None or budget.tokens is not None or budget.usd is not None

    # -- room ---------------------------------------------------------------------------

    def lacks(self, need: Amount, committed: Amount) -> tuple[str, float, float] | None:
        """(dimension, cap, smallest cap that would do) of the first cap that `committed` + `need` breaks."""
        budget = self.budget
        if budget.calls is not None and (total := committed.calls + need.calls) > budget.calls:
            return "calls", budget.calls, total
        if budget.tokens is not None and (total := committed.tokens + need.tokens) > budget.tokens:
            return "tokens", budget.tokens, total
        if budget.usd is not None and (usd := committed.usd + need.usd) > budget.usd * (1 + _ROUNDING):
            return "usd", budget.usd, usd
        return None

    def committed(self, claim: Claim | None = None) -> Amount:
        """What is spent, reserved, and owed to started branches; a branch's own calls may use what is owed."""
        gone = self.spent + self.reserved
        return gone if claim is not None and claim.covers(self) else gone + self.owed

    def holds_back(self, need: Amount, claim: Claim | None = None, priority: tuple[int, ...] | None = None) -> bool:
        """Whether `need` must wait here until something settles or a branch ends.

        Args:
            priority: of whoever needs it, who then leaves alone what somebody before it waits for; without one, and
                for a branch's own calls, only the caps decide.

        Raises:
            BudgetExceeded: nothing that is under way could make room.
        """
        if self.over:
            raise self._late()
        if not self.capped:
            return False
        lack = self.lacks(need, self.committed(claim))
        if lack and not self.outstanding and (not self.claims or self.lacks(need, self.spent)):
            raise BudgetExceeded(self.name, *lack)
        return lack is not None or (priority is not None and self._overtakes(need, claim, priority))

    def left(self) -> Budget:
        """The budget that is neither spent nor reserved, never below zero."""
        gone, cap = self.spent + self.reserved, self.budget
        return Budget(
            calls=None if cap.calls is None else max(0, cap.calls - gone.calls),
            tokens=None if cap.tokens is None else max(0, cap.tokens - gone.tokens),
            usd=None if cap.usd is None else max(0.0, cap.usd - gone.usd),
            seconds=cap.seconds,
        )

    def close(self) -> BudgetExceeded:
        """Its seconds have passed; returns what to raise, and wakes whoever is parked here to hear it."""
        self.over = True
        woken, self._queues, self._hopeless = self.parked, {}, []
        for parked in woken:
            parked.wake()
        return self._late()

    def reopen(self) -> None:
        """Its seconds begin anew; what is spent stays spent."""
        self.over = False

    def _late(self) -> BudgetExceeded:
        seconds = self.budget.seconds or 0.0
        return BudgetExceeded(self.name, "seconds", seconds, seconds)

    # -- waiting ------------------------------------------------------------------------

    @property
    def parked(self) -> list[Parked]:
        """Those who wait here, best priority first."""
        waiting = (*self._hopeless, *(parked for queue in self._queues.values() for parked in queue.heap))
        return sorted(parked for parked in waiting if not parked.gone)

    def park(
        self,
        priority: tuple[int, ...],
        need: Amount,
        wake: Callable[[], None],
        claim: Claim | None = None,
        kind: str = "",
    ) -> Parked:
        """Has `wake` called once `need` may fit, or never can; it must try again then, and `stir` when it has.

        Args:
            kind: what it waits for beside room, such as an expert: those of one kind may be held up together.
        """
        parked = Parked(priority, next(self._numbers), need, wake, claim)
        key = (kind, claim is not None and claim.covers(self))
        if key not in self._queues:
            self._queues[key] = Parking([], need, need)
        self._queues[key].push(parked)
        return parked

    def stir(self) -> None:
        """Wakes those that fit into what is free now, best priority first; whoever took its turn stirs for the next.

        While nothing is outstanding no kind waits for another, and those that can never fit are woken to hear it.
        """
        if not self._queues and not self._hopeless:
            return
        if self.outstanding:
            woken = self._fitting(list(self._queues.values()))
        else:
            fitting = [parked for queue in self._queues.values() for parked in self._fitting([queue])]
            woken = sorted((*fitting, *self._hopeless)) or self._anywhere()
            self._hopeless = []
        self._queues = {key: queue for key, queue in self._queues.items() if queue.heap}
        for parked in woken:
            if not parked.gone:
                parked.wake()

    def _fitting(self, queues: list[Parking]) -> list[Parked]:
        """Takes out those that fit together, until the first that does not."""
        woken, granted = [], NOTHING
        while (head := self._first(queues)) is not None:
            first, queue = head
            if self.lacks(first.need, self.committed(first.claim) + granted):
                break
            granted += first.need
            woken.append(queue.pop())
        return woken

    def _first(self, queues: list[Parking]) -> tuple[Parked, Parking] | None:
        """The best of those that may fit some day, and where it waits; those before it that never can are set apart."""
        while heads := [(first, queue) for queue in queues if (first := queue.first()) is not None]:
            first, queue = min(heads, key=lambda head: head[0])
            if not self.lacks(first.need, self.spent):
                return first, queue
            self._hopeless.append(queue.pop())
        return None

    def _overtakes(self, need: Amount, claim: Claim | None, priority: tuple[int, ...]) -> bool:
        """Whether it would take room from somebody of a better priority, who might wait for ever for those after it.

        While nothing is outstanding nobody waits for another: it may be what is kept for branches that holds that one.
        """
        if not self._queues or not self.outstanding or (claim is not None and claim.covers(self)):
            return False
        head = self._first(list(self._queues.values()))
        if head is None or head[0].priority >= priority:
            return False
        lack = self.lacks(head[0].need, self.committed(head[0].claim) + need)
        return lack is not None and getattr(need, lack[0]) > 0

    def _anywhere(self) -> list[Parked]:
        """Takes out whoever fits by itself or never can, as no queue's first does for what is kept for branches.

        Whoever never can may be the branch that it is kept for.
        """
        woken: list[Parked] = []
        for (_, kept), queue in self._queues.items():
            some_fit = not self.lacks(queue.least, self.spent if kept else self.committed())
            if some_fit or self.lacks(queue.most, self.spent):
                woken += queue.take(self._decided)
        return sorted(woken)

    def _decided(self, parked: Parked) -> bool:
        """Whether it fits now, or never can."""
        fits = not self.lacks(parked.need, self.committed(parked.claim))
        return fits or self.lacks(parked.need, self.spent) is not None
