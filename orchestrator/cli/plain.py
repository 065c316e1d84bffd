"""How a run stands, as lines for a log: few, without anything that steers a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .counting import counted
from .printing import fitted, visible
from .standing import LaneStanding, RowStanding, Standing, View, clock, money, percent, used

if TYPE_CHECKING:
    from orchestrator.evals.runner import Bench

_POLL = 0.5
"""Seconds between looks."""
_SOONEST, _LATEST = 5.0, 300.0
"""Seconds between two lines, at the least and at the most."""
_SHOWN = 4
"""Rows that a line names; of more, it names the best."""


class PlainDisplay:
    """A first line, then one for every tenth of the work and now and then, and a last one; a context manager.

    Args:
        write: prints a line.
        now: gives seconds.
    """

    def __init__(
        self, view: View, write: Callable[[str], None] | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._view, self._write, self._now = view, write or say, now
        self._bench: Bench | None = None
        self._said = ""
        self._said_at, self._tenth, self._ending = 0.0, -1, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bench is not None:
            self._say(self._view.of(self._bench), final=True)

    async def look(self, bench: Bench) -> float:
        """Prints a line if one is due."""
        first, self._bench = self._bench is None, bench
        standing = self._view.of(bench)
        if first or self._due(standing):
            self._say(standing)
        return _POLL

    def tell(self, text: str) -> None:
        """Prints a line about something out of the ordinary."""
        self._write(visible(text, keep=""))

    def _due(self, standing: Standing) -> bool:
        if standing.ending != self._ending and not self._ending:
            return True
        waited = self._now() - self._said_at
        if int(10 * standing.share) > self._tenth:
            return waited >= _SOONEST
        return waited >= min(_LATEST, max(2 * _SOONEST, standing.seconds / 10))

    def _say(self, standing: Standing, final: bool = False) -> None:
        self._said_at, self._tenth, self._ending = self._now(), int(10 * standing.share), standing.ending
        line = line_of(standing, final)
        if line != self._said:
            self._said = line
            self._write(line)


def say(text: str) -> None:
    """Prints one line on standard error; a run goes on if nobody reads it any more."""
    try:
        print(fitted(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def line_of(standing: Standing, final: bool = False) -> str:
    """A run in one line.

    Args:
        final: nothing more will come, so what is in flight and how long it takes is left out.
    """
    parts = [_progress(standing, final), *_found(standing.rows), _paid(standing)]
    if not final:
        parts += [f"{lane.expert}: {lane.state}" for lane in _troubled(standing.lanes)]
        parts += [standing.ending] if standing.ending else []
    return "; ".join(part for part in parts if part)


def _progress(standing: Standing, final: bool) -> str:
    took = clock(standing.seconds)
    head = f"{standing.name}: {standing.done:,} of {standing.total:,}"
    if final:
        return f"{head} in {took}"
    togo = f", {clock(standing.eta)} to go" if standing.eta is not None and not standing.ending else ""
    return f"{head} ({int(100 * standing.share)} %), {took}{togo}"


def _found(rows: tuple[RowStanding, ...]) -> Iterator[str]:
    known = [row for row in rows if row.accuracy is not None]
    if not known:
        return
    if len(rows) <= _SHOWN:
        yield ", ".join(f"{row.name} {percent(row.accuracy)}" for row in known)
    else:
        best = max(known, key=lambda row: row.accuracy or 0.0)
        yield f"best of {len(rows)} rows: {best.name} {percent(best.accuracy)}"
    if errors := sum(row.errors for row in rows):
        yield counted(errors, "error", write="{:,}".format)


def _paid(standing: Standing) -> str:
    caps = f" (cap: {standing.caps})" if standing.caps else ""
    usd = f", {money(standing.usd)}" if standing.usd else ""
    return f"{used(standing)}{usd}{caps}"


def _troubled(lanes: tuple[LaneStanding, ...]) -> list[LaneStanding]:
    return [lane for lane in lanes if lane.state]
