"""What solving would take, before anybody is asked: calls, depth, and a bound on money."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.budget import Budget
from orchestrator.types import Expert, Json, Problem, Sampling

from .counting import counted
from .printing import note, out_json
from .tables import Column, print_table

if TYPE_CHECKING:
    from orchestrator.contestant import Contestant
    from orchestrator.evals.runner import Plan, Row

_TEMPLATE = 1024
"""UTF-8 bytes that a template adds to a problem; a token is at least one byte."""


@dataclass(slots=True)
class Forecast:
    """One row of results, before it is."""

    name: str
    problems: int = 0
    least: int = 0
    expected: float = 0.0
    most: int = 0
    depth: int = 0
    usd: float | None = 0.0
    """Never more, unless replies are cut off by their cap and asked for again; `None` where a price is not known."""
    told: bool = True
    """Whether the strategy can tell its calls."""

    def to_json(self) -> dict[str, Json]:
        calls: dict[str, Json] = {"least": self.least, "expected": self.expected, "most": self.most}
        usd: Json = self.usd if self.told else None
        return {"strategy": self.name, "calls": calls if self.told else None, "depth": self.depth, "usd_most": usd}


@dataclass(slots=True)
class _Foreseen:
    """What all problems of a kind share under one row."""

    contestant: Contestant
    cap: int | None = field(init=False)

    def __post_init__(self) -> None:
        own = getattr(self.contestant.strategy, "max_tokens", None)
        self.cap = own if isinstance(own, int) else None


def forecasts(plan: Plan, problems: Iterable[Problem]) -> list[Forecast]:
    """A forecast for each row of a plan."""
    found = [Forecast(row.name) for row in plan.rows]
    known: dict[tuple[object, ...], _Foreseen] = {}
    count = 0
    for problem in problems:
        count += 1
        for row, forecast in zip(plan.rows, found, strict=True):
            _add(forecast, problem, row, plan, _foreseen(known, problem, row, plan))
    for forecast in found:
        forecast.problems = count
        _cap(forecast, plan)
    return found


def total(found: Sequence[Forecast], run_budget: Budget, name: str = "in all") -> Forecast:
    """All rows together, never above the run's caps."""
    usd = [forecast.usd for forecast in found]
    whole = Forecast(
        name,
        problems=max(forecast.problems for forecast in found),
        least=sum(forecast.least for forecast in found),
        expected=sum(forecast.expected for forecast in found),
        most=sum(forecast.most for forecast in found),
        depth=max(forecast.depth for forecast in found),
        usd=None if None in usd else sum(price for price in usd if price is not None),
        told=all(forecast.told for forecast in found),
    )
    _within(whole, run_budget)
    return whole


def show(found: Sequence[Forecast], run_budget: Budget, set_: str, as_json: bool) -> None:
    """Prints forecasts as results."""
    whole = total(found, run_budget)
    if as_json:
        rows = [forecast.to_json() for forecast in found]
        out_json("dry-run/1", {"set": set_, "problems": whole.problems, "results": rows, "total": whole.to_json()})
        return
    rows_ = [*found, whole] if len(found) > 1 else list(found)
    print_table(
        [
            Column("strategy", [row.name for row in rows_], folds=True),
            Column("problems", [str(row.problems) for row in rows_]),
            Column("calls: least", [_calls(row, row.least) for row in rows_]),
            Column("expected", [_calls(row, row.expected) for row in rows_]),
            Column("most", [_calls(row, row.most) for row in rows_]),
            Column("depth", [str(row.depth) if row.told else "?" for row in rows_]),
            Column("max usd", [_usd(row) for row in rows_]),
        ]
    )
    note("nobody was asked; the bound on money leaves out replies that their cap cuts, which are asked for once more")


def in_words(whole: Forecast) -> str:
    """A forecast as part of a sentence."""
    calls = (
        f"about {counted(whole.expected, 'call', write=partial(_calls, whole))}, at most {_calls(whole, whole.most)}"
    )
    money = f"usd={_usd(whole)} at most" if whole.usd is not None and whole.told else "for an unknown price"
    return f"{calls}, {money}"


def _foreseen(known: dict[tuple[object, ...], _Foreseen], problem: Problem, row: Row, plan: Plan) -> _Foreseen:
    from orchestrator.contest import contestant_for
    from orchestrator.registry import checker_of

    key = (row.strategy, problem.kind, checker_of(problem))
    if key not in known:
        known[key] = _Foreseen(contestant_for(problem, row.strategy, plan.verifier, plan.aggregator))
    return known[key]


def _add(forecast: Forecast, problem: Problem, row: Row, plan: Plan, foreseen: _Foreseen) -> None:
    from orchestrator.fitting import estimated

    embedder = "embedder" in plan.roles
    estimate = estimated(foreseen.contestant, problem, len(row.experts), embedder=embedder)
    if estimate is None:
        forecast.told = False
        return
    most = estimate.most if plan.budget.calls is None else min(estimate.most, plan.budget.calls)
    seeds = len(plan.seeds)
    forecast.least += min(estimate.least, most) * seeds
    forecast.expected += min(estimate.expected, most) * seeds
    forecast.most += most * seeds
    forecast.depth = max(forecast.depth, estimate.depth)
    bound = dearest(problem, foreseen.cap, estimate.depth, (*row.experts, *plan.roles.values()))
    if bound is None or forecast.usd is None:
        forecast.usd = None
    else:
        forecast.usd += min(bound * most, plan.budget.usd if plan.budget.usd is not None else math.inf) * seeds


def dearest(problem: Problem, cap: int | None, depth: int, experts: Iterable[Expert], more: int = 0) -> float | None:
    """What one call costs at the most: the whole conversation with all replies before it, and a full reply.

    `None` where a price is not known.

    Args:
        cap: tokens of a reply; `None`: what holds where nobody sets it.
        more: UTF-8 bytes that are shown beside the problem and earlier replies.
    """
    from orchestrator.run import DEFAULT_MAX_TOKENS

    cap = cap or DEFAULT_MAX_TOKENS
    bill = 0.0
    written = sum(len(message.text.encode()) for message in problem.messages)
    size = written + len(problem.question.encode()) + len(problem.format.encode()) + _TEMPLATE + more
    for expert in experts:
        price = expert.by_batch.price
        if price is None:
            return None
        reply = Sampling(max_tokens=cap).merged(expert.sampling).max_tokens or cap
        persona = len((expert.persona or "").encode())
        bill = max(bill, price.most(size + persona + (depth - 1) * reply, reply))
    return bill


def _cap(forecast: Forecast, plan: Plan) -> None:
    _within(forecast, plan.run_budget)


def _within(forecast: Forecast, budget: Budget) -> None:
    if budget.calls is not None:
        forecast.least, forecast.most = min(forecast.least, budget.calls), min(forecast.most, budget.calls)
        forecast.expected = min(forecast.expected, budget.calls)
    if budget.usd is not None and forecast.usd is not None:
        forecast.usd = min(forecast.usd, budget.usd)


def _calls(forecast: Forecast, calls: float) -> str:
    return f"{calls:.0f}" if forecast.told else "?"


def _usd(forecast: Forecast) -> str:
    return "?" if forecast.usd is None or not forecast.told else f"{forecast.usd:.4f}"
