"""Every strategy is a function of its problem, its seed and the replies: never of which reply came first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from orchestrator import Candidate, Scored
from orchestrator.errors import ContentFiltered
from orchestrator.types import Completion, Request
from tests.clock import run_virtual

from .disturbing import Script, benched, forgiving, losing, pool
from .entry import Entry, entry, names
from .test_composition import OUTER

pytestmark = pytest.mark.usefixtures("patient")

Result: TypeAlias = tuple[tuple[Scored, ...], str | None, float, str, tuple[Candidate, ...], str, str, int]

PACES = ((1, "exp:0.7", 1), (64, "exp:0.7", 2), (64, "uniform:0,3", 3), (10_000, "exp:0.7", 4))
"""Requests at once, latency, and its seed."""


@pytest.fixture(params=names())
def one(request: pytest.FixtureRequest) -> Entry:
    return entry(request.param)


def result(one: Entry, script: Script, spec: str, at_once: int, latency: str, seed: int) -> Result:
    experts = pool(script, one.experts, at_once=at_once, latency=latency, seed=seed)
    out = run_virtual(benched(one.problem, experts, spec))[0]
    calls = out.usage.calls if out.stopped_by == "done" else 0
    return out.candidates, out.answer, out.confidence, out.chosen_by, out.ranking, out.stopped_by, out.reason, calls


@pytest.mark.parametrize("lost", [None, 1, 2], ids=["calm", "lost-1", "lost-2"])
@pytest.mark.parametrize("several", [False, True], ids=["its-experts", "two-experts"])
def test_which_reply_comes_first_changes_nothing(one: Entry, several: bool, lost: int | None, tmp_path: Path) -> None:
    here = replace(one, experts=("e0", "e1")) if several and len(one.experts) == 1 else one
    script = forgiving(here)
    if lost is not None:
        script = losing(script, lambda request: ContentFiltered("refused", expert=request.expert), lost, share=0.25)
    spec = here.spec_in(tmp_path)
    first, *others = [result(here, script, spec, *pace) for pace in PACES]
    assert all(other == first for other in others)


@pytest.mark.parametrize("outer", OUTER, ids=["symbolic_moe", "moa"])
def test_nor_inside_another_strategy_with_lost_calls(one: Entry, outer: str, tmp_path: Path) -> None:
    script = forgiving(one)

    def skilled(request: Request) -> str | Completion:
        return "Skills: algebra, counting" if request.labels.purpose == "skills" else script(request)

    lossy = losing(skilled, lambda request: ContentFiltered("refused", expert=request.expert), 3, share=0.25)
    first, *others = [result(one, lossy, outer.format(inner=one.spec_in(tmp_path)), *pace) for pace in PACES]
    assert all(other == first for other in others)
