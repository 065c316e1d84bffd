"""PlanSearch under caps: it takes a size that fits, never spends more, and ends in programs."""

from __future__ import annotations

import pytest

from orchestrator import Budget, Outcome, Price, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies._observation_sets import Shape
from orchestrator.strategies.plansearch import PlanSearch
from tests.clock import run_virtual

from .planning import TASK, asked_for, script, thinker, wide

JUNK = "Hard to say."


def search(expert: ScriptedExpert, budget: Budget, spec: str = "plansearch") -> Outcome:
    out, _ = run_virtual(asolve(TASK, experts=[wide(expert)], strategy=spec, budget=budget))
    return out


def form(calls: int, spec: str = "plansearch") -> PlanSearch:
    strategy = build("strategies", spec)
    assert isinstance(strategy, PlanSearch)
    fitted = strategy.fit(calls, TASK, 1)
    assert fitted is not None
    return fitted


# -- the ladder ---------------------------------------------------------------------------


def check_cap(calls: int) -> None:
    expert = thinker(4, latency="uniform:0.5,1.5", seed=calls)
    out = search(expert, Budget(calls=calls))
    fitted = form(calls)
    assert len(expert.requests) == out.usage.calls == fitted.estimate(TASK, 1).expected <= calls
    assert len(out.candidates) == fitted.most_programs >= 1
    assert out.stopped_by == "done"


@pytest.mark.parametrize("calls", [*range(4, 41), 53, 55, 83, 84, 99, 100, 142, 199, 250, 333, 400])
def test_every_cap_from_the_lowest_rung_ends_in_programs(calls: int) -> None:
    check_cap(calls)


@pytest.mark.slow
@pytest.mark.parametrize("calls", range(4, 401))
def test_every_cap_to_400_ends_in_programs(calls: int) -> None:
    check_cap(calls)


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_below_the_lowest_rung_the_smallest_budget_is_named(calls: int) -> None:
    assert PlanSearch().fit(calls, TASK, 1) is None
    out = search(thinker(), Budget(calls=calls))
    assert (out.stopped_by, out.usage.calls, out.candidates) == ("budget", 0, ())
    assert "calls=4" in out.reason


def test_the_larger_the_cap_the_more_programs() -> None:
    programs = [form(calls).most_programs for calls in range(27, 1000)]
    assert programs == sorted(programs)
    assert form(919) == PlanSearch(plans=121)
    assert form(5000) == PlanSearch(plans=121)


def test_most_of_a_cap_is_used() -> None:
    used = {calls: form(calls).estimate(TASK, 1).expected / calls for calls in range(4, 900)}
    assert min(used.values()) > 0.75
    assert min(share for calls, share in used.items() if calls >= 60) > 0.85
    assert min(share for calls, share in used.items() if calls >= 200) > 0.89


@pytest.mark.parametrize(
    ("calls", "fields"),
    [
        (400, {"depth": 2, "keep": 4, "second_sketch": True}),
        (90, {"keep": 4, "second_sketch": True, "plans": 11}),
        (55, {"keep": 3, "second_sketch": True, "plans": 7}),
        (27, {"keep": 2, "second_sketch": True, "turns": 4, "plans": 3}),
        (26, {"second_sketch": False, "turns": 4, "pseudocode": True}),
        (12, {"second_sketch": False, "turns": 2, "tries": 1, "pseudocode": True}),
        (4, {"second_sketch": False, "turns": 2, "tries": 1, "pseudocode": False, "plans": 1, "keep": 1}),
    ],
)
def test_rungs(calls: int, fields: dict[str, object]) -> None:
    fitted = form(calls)
    assert {name: getattr(fitted, name) for name in fields} == fields


def test_a_single_set_holds_an_observation() -> None:
    expert = thinker()
    search(expert, Budget(calls=4))
    assert [r.labels.purpose for r in expert.requests] == ["observe", "shortlist", "plan", "answer"]
    assert "- Fact" in expert.requests[2].messages[-1].text


def test_where_nothing_is_observed_a_single_set_is_planned_without() -> None:
    out = search(thinker(shortlist="[]"), Budget(calls=4))
    assert (len(out.candidates), out.usage.calls) == (1, 4)


def test_settings_of_the_user_stay_on_the_ladder() -> None:
    fitted = form(100, "plansearch(subset_size=1, temperature=0.3, second_sketch=false, inherit_observations=false)")
    assert (fitted.subset_size, fitted.temperature, fitted.second_sketch) == (1, 0.3, False)
    assert not fitted.inherit_observations
    assert form(100, "plansearch(plans=2)").plans == 2


@pytest.mark.parametrize("calls", [15, 30, 60, 120])
def test_lists_that_cannot_be_read_stay_within_the_cap(calls: int) -> None:
    """Every list is asked for as often as it may be, and only the last try brings something."""
    expert = thinker(serialise=lambda r: JUNK if r.sample_index < 2 else str(script(3)(r)))
    out = search(expert, Budget(calls=calls))
    assert out.usage.calls <= calls
    lists = sum(request.labels.purpose == "serialise" for request in expert.requests)
    opened = sum(request.labels.purpose == "observe" for request in expert.requests)
    assert lists == 3 * opened > 0
    assert (len(out.candidates) > 0, out.stopped_by) == (True, "done")


@pytest.mark.parametrize("calls", [27, 53, 83, 90])
def test_as_many_sets_as_the_first_observations_make_need_no_second_layer(calls: int) -> None:
    assert form(calls).estimate(TASK, 1).depth == 9


@pytest.mark.parametrize("found", [1, 2, 3])
@pytest.mark.parametrize("calls", [60, 100, 200])
def test_calls_meant_for_observations_that_did_not_come_go_into_deeper_sets(calls: int, found: int) -> None:
    def says(request: Request) -> str:
        first = "Find 10" in request.messages[0].text
        return str(script(found if first else 4)(request))

    out = search(thinker(serialise=says), Budget(calls=calls))
    assert 0.7 * calls < out.usage.calls <= calls


@pytest.mark.parametrize("found", [0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("calls", [40, 110, 160, 300])
def test_however_many_observations_there_are_the_cap_holds_and_the_run_is_done(calls: int, found: int) -> None:
    out = search(thinker(found), Budget(calls=calls))
    assert out.usage.calls <= form(calls).estimate(TASK, 1).most <= calls
    assert (len(out.candidates) > 0, out.stopped_by) == (True, "done")


# -- the sizes behind it ------------------------------------------------------------------


@pytest.mark.parametrize("shape", [Shape(4, 2, 2), Shape(3, 2, 3), Shape(2, 1, 4), Shape(5, 3, 2), Shape(1, 1, 3)])
def test_shares_add_up_and_never_exceed_what_a_set_may_bring(shape: Shape) -> None:
    for plans in range(1, min(shape.plans, 300) + 1):
        shares = shape.shares(plans, 0)
        assert sum(shares) == plans
        assert max(shares) <= shape.shares(shape.plans, 0)[0]
        assert list(shares) == sorted(shares, reverse=True)
    assert len(set(shape.shares(shape.plans, 0))) == 1


def test_more_plans_never_need_fewer_conversations() -> None:
    for shape in (Shape(4, 2, 2), Shape(3, 2, 2), Shape(5, 1, 2)):
        needed = [shape.conversations(plans) for plans in range(1, shape.plans + 1)]
        assert needed == sorted(needed)


@pytest.mark.parametrize("spec", ["plansearch(depth=3, keep=2)", "plansearch(depth=4, keep=1)", "plansearch(keep=10)"])
def test_a_tree_of_any_shape_is_cut_to_fit(spec: str) -> None:
    sizes = [form(calls, spec).estimate(TASK, 1).most for calls in range(4, 700)]
    assert all(most <= calls for calls, most in enumerate(sizes, 4))
    assert sizes[-1] > 0.9 * min(699, form(10**6, spec).estimate(TASK, 1).most)


# -- tokens, money, seconds ---------------------------------------------------------------


@pytest.mark.parametrize("tokens", [40_000, 100_000, 300_000, 1_000_000])
def test_under_a_cap_on_tokens_branches_come_to_their_end(tokens: int) -> None:
    expert = thinker(4, latency=1.0)
    out = search(expert, Budget(tokens=tokens), "plansearch(max_tokens=1000)")
    spent = out.usage.prompt_tokens + out.usage.completion_tokens
    assert spent <= tokens
    plans = sum(request.labels.purpose == "plan" for request in expert.requests)
    assert len(out.candidates) >= max(1, 2 * plans - 2)


@pytest.mark.parametrize("tokens", [5000, 8000, 12000])
def test_under_a_cap_on_tokens_what_is_observed_is_planned_from(tokens: int) -> None:
    """One conversation may be in vain, as how many sets its observations make is not known before."""
    expert = thinker(3, latency=1.0)
    out = search(expert, Budget(tokens=tokens), "plansearch(keep=2, depth=3, second_sketch=false, max_tokens=200)")
    used = {key for scored in out.candidates for key in scored.candidate.parents}
    assert out.stopped_by == "budget"
    assert len({request.key.hex() for request in asked_for(expert, "serialise")} - used) <= 1


@pytest.mark.parametrize("usd", [0.02, 0.05, 0.2])
def test_under_a_cap_on_money_branches_come_to_their_end(usd: float) -> None:
    expert = ScriptedExpert(script(4), latency=1.0, price=Price(1e-6, 4e-6))
    out = search(expert, Budget(usd=usd), "plansearch(max_tokens=1000)")
    assert out.usage.usd <= usd
    plans = sum(request.labels.purpose == "plan" for request in expert.requests)
    assert len(out.candidates) >= max(1, 2 * plans - 2)


def test_when_the_seconds_are_over_what_was_written_is_chosen_from() -> None:
    out = search(thinker(4, latency=1.0), Budget(seconds=7.5))
    assert out.stopped_by == "budget"
    assert len(out.candidates) == 2 + 10
    assert out.answer is not None
