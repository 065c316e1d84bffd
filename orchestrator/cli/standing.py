"""How a run stands at one moment, in numbers and words: what every display shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .counting import counted
from .printing import visible

if TYPE_CHECKING:
    from orchestrator.engine import Lane
    from orchestrator.evals.runner import Bench

_WINDOW = 60.0
"""Seconds over which the pace is taken."""
_LONGEST_REASON = 160
_SLOW = 2.0
"""Seconds between two calls from which on it is said that a limit a minute holds them apart."""


@dataclass(frozen=True, slots=True)
class RowStanding:
    """One row of the results so far."""

    name: str
    done: int
    accuracy: float | None
    errors: int
    calls: int
    tokens: int
    usd: float
    gone: bool
    """It has no expert left."""


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """What waits for one expert."""

    expert: str
    out: int
    """Requests in flight."""
    queued: int
    state: str
    """Why fewer leave than could; empty where nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A run at one moment; every text in it may be shown on a terminal as it is."""

    name: str
    """Of the set."""
    done: int
    """Result lines there are."""
    total: int
    """Result lines there will be: one a problem, row and seed."""
    each: int
    """Result lines that every row will have."""
    seconds: float
    """Of all invocations."""
    eta: float | None
    """Seconds to go at the pace of the last minute; `None`: nobody knows."""
    calls: int
    tokens: int
    usd: float
    """Calls, tokens and US dollars paid for the whole run."""
    caps: str
    """The caps on the whole run, as typed; empty without any."""
    running: int
    """Problems in flight."""
    rows: tuple[RowStanding, ...]
    lanes: tuple[LaneStanding, ...]
    ending: str
    """Why no more problems are taken up; empty while they are."""

    @property
    def share(self) -> float:
        """Of the result lines, how much is there."""
        return self.done / self.total if self.total else 1.0


@dataclass(slots=True)
class View:
    """Looks at a bench and remembers its pace.

    Args:
        name: of the set.
        problems: how many the run solves.
    """

    name: str
    problems: int
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    def of(self, bench: Bench) -> Standing:
        """How a bench stands now."""
        each, done = self.problems * len(bench.plan.seeds), bench.lines
        total = each * len(bench.tallies)
        paid = bench.scope.spent
        return Standing(
            name=visible(self.name, keep=""),
            done=done,
            total=total,
            each=each,
            seconds=bench.stopwatch.seconds,
            eta=self._eta(bench.stopwatch.here, done, total),
            calls=paid.calls,
            tokens=paid.tokens,
            usd=paid.usd,
            caps=str(bench.plan.run_budget),
            running=bench.running,
            rows=tuple(_rows(bench)),
            lanes=tuple(map(_lane, bench.engine.lanes())),
            ending=_line(_ending(bench)),
        )

    def _eta(self, now: float, done: int, total: int) -> float | None:
        if not self._marks or now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, done))
        while now - self._marks[0][0] > _WINDOW and len(self._marks) > 1:
            self._marks.popleft()
        since, before = self._marks[0]
        return (now - since) * (total - done) / (done - before) if done > before else None


def _rows(bench: Bench) -> Iterator[RowStanding]:
    for name, tally in bench.tallies.items():
        usage = tally.usage
        yield RowStanding(
            name=visible(name, keep=""),
            done=tally.lines,
            accuracy=tally.accuracy,
            errors=tally.status["error"],
            calls=usage.calls,
            tokens=usage.prompt_tokens + usage.completion_tokens,
            usd=usage.usd,
            gone=name in bench.gone,
        )


def _lane(lane: Lane) -> LaneStanding:
    from orchestrator.engine import BatchLane

    if isinstance(lane, BatchLane):
        state = lane.state or _state(lane)
        return LaneStanding(visible(lane.expert.id, keep=""), lane.calls_out, lane.queued, _line(state))
    return LaneStanding(visible(lane.expert.id, keep=""), lane.out, lane.queued, _line(_state(lane)))


def _state(lane: Lane) -> str:
    """What is wrong with a lane, if anything."""
    if lane.breaker.lost is not None:
        return f"lost: {lane.breaker.lost.message}"
    if not lane.breaker.closed:
        return f"failing; tries again in {lane.hold:.0f} s" if lane.hold else "failing; trying again"
    if lane.hold:
        return f"rate limit; goes on in {lane.hold:.0f} s"
    if lane.paced >= _SLOW:
        return f"rate limit; the next goes in {lane.paced:.0f} s"
    if int(lane.window.size) < lane.window.most:
        return f"rate limit; {max(1, int(lane.window.size))} at once"
    return ""


def _ending(bench: Bench) -> str:
    if bench.interrupted:
        out = sum(lane.out for lane in bench.engine.lanes())
        return f"stopping: {counted(out, 'call is', 'calls are')} in flight; interrupt again to end at once"
    if bench.lost is not None:
        return f"stopping: no expert is left: {bench.lost}"
    if bench.failure is not None:
        return f"stopping: {bench.failure}"
    return f"stopping: {bench.out_of_budget}" if bench.out_of_budget else ""


def _line(text: str) -> str:
    """The text as one line of bearable length that steers no terminal."""
    line = " ".join(text.split())
    return visible(line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 3]}...", keep="")


# -- amounts in words ---------------------------------------------------------------------


def percent(share: float | None) -> str:
    """A share, as in `71.2 %`; `-` where there is none."""
    return "-" if share is None else f"{100 * share:.1f} %"


def used(standing: Standing) -> str:
    """Calls and tokens of a run."""
    return f"{counted(standing.calls, 'call', write=short)}, {counted(standing.tokens, 'token', write=short)}"


def short(number: float) -> str:
    """A count in at most five signs: `950`, `12.3k`, `1.24M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size and number >= 1000:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def money(usd: float) -> str:
    """US dollars, with as many decimals as matter."""
    return f"${usd:,.2f}" if usd >= 10 or usd == 0 else f"${usd:.4f}"


def clock(seconds: float | None) -> str:
    """A duration, as in `0:42`, `12:05` or `3:04:05`; `?` for one that nobody knows."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
