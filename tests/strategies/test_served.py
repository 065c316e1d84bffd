"""Every strategy over real HTTP: simulated experts answer built-in problems from behind a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from orchestrator import asolve
from orchestrator.contest import contestant_for
from orchestrator.evals.case import Case
from orchestrator.evals.sets import open_set
from orchestrator.fitting import estimated
from orchestrator.types import Expert, Kind
from tests.double import Double

from .entry import Entry, entry, names

Doubles = Callable[..., Awaitable[Double]]

SETS: dict[Kind, str] = {
    "choice": "choice",
    "number": "word_problems",
    "code": "code",
    "game24": "game24",
    "plan": "blocksworld",
}
"""The built-in set with problems of a kind; for others, sums do."""


@pytest.fixture(params=names())
def one(request: pytest.FixtureRequest) -> Entry:
    return entry(request.param)


async def test_it_answers_and_asks_no_more_than_it_says(one: Entry, double: Doubles, tmp_path: Path) -> None:
    server = await double(
        models={name: {"simulated": name} for name in ("ada", "blaise", "clio")}, vary_repeats=True, strict=True
    )
    case = first_of("codenames" if "codenames" in one.problem.meta else SETS.get(one.problem.kind, "word_problems"))
    experts = [Expert(f"openai/{name}", f"openai/{name}", api_base=server.base_url) for name in server.models]
    spec = one.spec_in(tmp_path)
    out = await asolve(case.problem, experts=experts, strategy=spec)
    assert out.candidates, out.reason
    assert out.stopped_by in ("done", "verifier"), out.reason
    if out.stopped_by == "done":
        assert server.stats.asked == out.usage.calls - out.usage.cached_calls
    told = estimated(contestant_for(case.problem, spec, None, None), case.problem, len(experts))
    assert told is not None
    assert server.stats.asked <= told.most


def first_of(name: str) -> Case:
    return next(iter(open_set(name)))
