"""PlanSearch is a function of the problem, the seed and the replies: not of who answers first, nor of interruptions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator import Budget, Outcome, Request, asolve
from orchestrator.engine import MemoryJournal
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Expert, Json
from tests.clock import run_virtual

from .planning import TASK, script, thinker, wide

SPECS = [
    "plansearch(keep=2)",
    "plansearch(keep=2, inherit_observations=false)",
    "plansearch(keep=3, depth=1)",
    "plansearch(keep=3, plans=20)",
    "ideasearch(samples=6)",
]


def shown(out: Outcome) -> list[Json]:
    """All that a result says of a search, times and calls apart."""
    candidates: list[Json] = [
        [c.candidate.id, c.candidate.key, c.candidate.text, c.candidate.expert, *c.candidate.parents]
        for c in out.candidates
    ]
    return [out.answer, out.chosen_by, out.confidence, out.stopped_by, candidates]


def search(
    spec: str, experts: list[Expert], journal: MemoryJournal | None = None, budget: Budget | None = None
) -> Outcome:
    out, _ = run_virtual(asolve(TASK, experts=experts, strategy=spec, journal=journal, budget=budget))
    return out


def delayed(delays: Callable[[Request], float]) -> ScriptedExpert:
    usual = script(2)

    async def reply(request: Request) -> str:
        await asyncio.sleep(delays(request))
        return str(usual(request))

    return ScriptedExpert(reply)


def at_random(seed: int) -> Callable[[Request], float]:
    return lambda request: random.Random(f"{seed} {request.key.hex()}").expovariate(1.0)


@pytest.mark.parametrize("spec", SPECS)
def test_the_order_in_which_replies_come_changes_nothing(spec: str) -> None:
    expected = shown(search(spec, [wide(thinker(2))]))
    for seed in range(5):
        assert shown(search(spec, [wide(delayed(at_random(seed)))])) == expected


@pytest.mark.parametrize("spec", SPECS)
def test_neither_does_it_with_several_experts(spec: str) -> None:
    def pool(seed: int) -> list[Expert]:
        return [wide(delayed(at_random(10 * seed + i)), f"e{i}") for i in range(3)]

    assert shown(search(spec, pool(1))) == shown(search(spec, pool(2)))


@pytest.mark.parametrize("concurrency", [1, 3, 64])
def test_nor_how_many_calls_are_out_at_once(concurrency: int) -> None:
    narrow = replace(thinker(2, latency=1.0).value, concurrency=concurrency)
    assert shown(search("plansearch(keep=2)", [narrow])) == shown(search("plansearch(keep=2)", [wide(thinker(2))]))


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("seconds", [0.5, 3.3, 6.1, 9.9])
def test_a_run_that_was_cut_off_goes_on_where_it_was(spec: str, seconds: float) -> None:
    whole = thinker(2, latency=1.0)
    expected = shown(search(spec, [wide(whole)]))
    journal, expert = MemoryJournal(), thinker(2, latency=1.0)
    search(spec, [wide(expert)], journal, Budget(seconds=seconds))
    cut = len(expert.requests)
    kept = len(journal.replies)
    assert shown(search(spec, [wide(expert)], journal)) == expected
    assert len(expert.requests) - cut == len(whole.requests) - kept


def test_a_second_run_over_the_same_journal_asks_nothing() -> None:
    journal, expert = MemoryJournal(), thinker(2)
    first = search("plansearch(keep=2)", [wide(expert)], journal)
    asked = len(expert.requests)
    again = search("plansearch(keep=2)", [wide(expert)], journal)
    assert (shown(again), len(expert.requests)) == (shown(first), asked)
    assert (again.usage.calls, again.usage.cached_calls) == (asked, asked)


def test_a_smaller_form_shares_what_a_larger_one_has_asked() -> None:
    """The first conversation and the plans of the first layer are the same requests at every depth."""
    journal, expert = MemoryJournal(), thinker(2)
    search("plansearch(keep=2)", [wide(expert)], journal)
    out = search("plansearch(keep=2, depth=1)", [wide(expert)], journal)
    assert out.usage.cached_calls == out.usage.calls == 4 + 4 * 7
