"""What PlanSearch asks, in which order and together with what, and what comes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from orchestrator import Outcome, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.plansearch import PlanSearch
from orchestrator.types import Estimate, Expert, Place

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import CHAIN, ORIGINAL, REVISED, SUM, TASK, counts, lines, mark_of, script, search, shown, thinker, wide

# -- how much -----------------------------------------------------------------------------


def test_reference_vector_as_estimated() -> None:
    strategy = PlanSearch(keep=3)
    assert (strategy.most_plans, strategy.most_programs) == (49, 98)
    assert strategy.estimate(TASK, 1) == Estimate(13, 375.0, 375 + 2 * 8, 13, candidates=98)


def test_reference_vector_as_run() -> None:
    expert = thinker(3, latency=1.0)
    out, seconds = search(expert, "plansearch(keep=3)")
    assert (len(out.candidates), out.usage.calls, seconds) == (98, 375, 13.0)
    assert counts(expert) == {
        **dict.fromkeys(CHAIN, 8), **dict.fromkeys(["plan", "criticise", "fix"], 49),
        **dict.fromkeys(["pseudocode", "answer"], 98),
    }  # fmt: skip
    assert len({request.key for request in expert.requests}) == 375


@pytest.mark.parametrize(("kept", "plans", "expected"), [(4, 121, 895), (2, 16, 132), (1, 4, 40), (5, 256, 1860)])
def test_other_sizes_of_the_full_tree(kept: int, plans: int, expected: int) -> None:
    strategy = PlanSearch(keep=kept)
    assert (strategy.most_plans, strategy.estimate(TASK, 1).expected) == (plans, expected)


@pytest.mark.parametrize(
    "spec",
    [
        "plansearch(keep=2)",
        "plansearch(keep=3, depth=1)",
        "plansearch(keep=2, depth=3)",
        "plansearch(keep=3, subset_size=1)",
        "plansearch(keep=3, subset_size=3, depth=1)",
        "plansearch(keep=2, second_sketch=false)",
        "plansearch(keep=2, pseudocode=false)",
        "plansearch(keep=2, turns=2, tries=1)",
        "plansearch(keep=2, inherit_observations=false)",
        "plansearch(keep=3, plans=1)",
        "plansearch(keep=3, plans=6)",
        "plansearch(keep=3, plans=13)",
        "plansearch(keep=2, depth=3, plans=25)",
        "plansearch(keep=2, second_sketch=false, pseudocode=false, turns=2, tries=1, plans=3)",
        "plansearch(keep=2, depth=1, observations=5)",
    ],
)
@pytest.mark.parametrize("problem", [TASK, SUM], ids=["code", "number"])
def test_estimate_equals_the_calls_made(spec: str, problem: Problem) -> None:
    strategy = build("strategies", spec)
    assert isinstance(strategy, PlanSearch)
    estimate = strategy.estimate(problem, 1)
    out, seconds = search(thinker(4, latency=1.0), spec, problem)
    assert (out.usage.calls, len(out.candidates)) == (estimate.expected, strategy.most_programs)
    assert seconds == estimate.depth
    assert estimate.least <= out.usage.calls <= estimate.most


def test_without_observations_there_is_one_plan_and_it_costs_the_least() -> None:
    expert = thinker(serialise="[]", fix=lambda request: request.messages[0].text.split("\n\n")[2])
    out, _ = search(expert, "plansearch")
    assert (out.usage.calls, len(out.candidates)) == (PlanSearch().estimate(TASK, 1).least, 1)


@pytest.mark.parametrize("field", ["subset_size", "depth", "observations", "keep", "tries", "plans"])
def test_a_field_below_its_range_is_said(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        PlanSearch(**{field: 0})


# -- in which order -----------------------------------------------------------------------


def test_golden_trace() -> None:
    expert = thinker(1, latency=1.0)
    out, _ = search(expert, "plansearch(depth=1, keep=1)")
    # The set without observations and the first conversation start together; the set of one follows it.
    alone, observing, one = (0, 0, 0, 0), (0, 1, 0, 0), (0, 1, 1, 0, 0, 0)
    first, second = (0, 0), (0, 1)
    assert timed(out) == {
        1.0: [(alone, "plan"), (observing, "observe")],
        2.0: [((*alone, *first), "pseudocode"), ((*alone, *second), "criticise"), (observing, "list")],
        3.0: [((*alone, *first), "answer"), ((*alone, *second), "fix"), (observing, "filter")],
        4.0: [((*alone, *second), "pseudocode"), (observing, "serialise")],
        5.0: [((*alone, *second), "answer"), (one, "plan")],
        6.0: [((*one, *first), "pseudocode"), ((*one, *second), "criticise")],
        7.0: [((*one, *first), "answer"), ((*one, *second), "fix")],
        8.0: [((*one, *second), "pseudocode")],
        9.0: [((*one, *second), "answer")],
    }
    assert [place for place, _ in emitted(out)] == [(*s, *line, 0) for s in (alone, one) for line in (first, second)]
    assert batches(expert) == [[0]] * len(calls(out))
    assert lineage_is_sound(out, [expert])
    assert (out.chosen_by, out.stopped_by) == ("vote", "done")


def timed(out: Outcome) -> dict[float, list[tuple[Place, str]]]:
    """Place and purpose of the replies that came at each second."""
    found: dict[float, list[tuple[Place, str]]] = {}
    for event in out.trace:
        if event.kind == "call":
            found.setdefault(event.at, []).append((event.place, str(event.facts["purpose"])))
    return {at: sorted(calls) for at, calls in found.items()}


def test_stages_follow_each_other_without_a_pause() -> None:
    out, _ = search(thinker(2, latency=1.0), "plansearch(keep=2)")
    when: dict[str, Counter[float]] = {}
    for event in out.trace:
        if event.kind == "call":
            when.setdefault(str(event.facts["purpose"]), Counter())[event.at] += 1
    # The set without observations is planned beside the first conversation, 3 others after it, 12 after the second.
    assert when["observe"] == {1.0: 1, 5.0: 4}
    assert when["serialise"] == {4.0: 1, 8.0: 4}
    assert when["plan"] == {1.0: 1, 5.0: 3, 9.0: 12}
    assert when["criticise"] == {2.0: 1, 6.0: 3, 10.0: 12}
    assert when["fix"] == {3.0: 1, 7.0: 3, 11.0: 12}
    assert when["pseudocode"] == {2.0: 1, 4.0: 1, 6.0: 3, 8.0: 3, 10.0: 12, 12.0: 12}
    assert when["answer"] == {3.0: 1, 5.0: 1, 7.0: 3, 9.0: 3, 11.0: 12, 13.0: 12}


def test_a_slow_branch_holds_up_nobody_else() -> None:
    """The conversation that goes on from the first single observation takes 500 s more than any other call."""
    usual = script(2)

    async def reply(request: Request) -> str:
        slow = request.labels.purpose == "observe" and len(shown(request)) == 1 and "0 holds" in str(shown(request))
        await asyncio.sleep(500.0 if slow else 1.0)
        return str(usual(request))

    out, seconds = search(ScriptedExpert(reply), "plansearch(keep=2)")
    ends = [event.at for event in out.trace if event.kind == "emit"]
    assert (sum(at <= 13.0 for at in ends), len(ends)) == (32 - 6, 32)
    assert sorted(ends)[-6:] == [510.0] * 3 + [512.0] * 3
    assert seconds == 512.0


def test_thirteen_stages_of_the_deepest_line_show_in_the_trace() -> None:
    out, _ = search(thinker(3, latency=1.0), "plansearch(keep=3)")
    deepest = max(out.candidates, key=lambda scored: len(scored.candidate.parents)).candidate
    at = {str(event.facts["key"]): event.at for event in out.trace if event.kind == "call"}
    assert [at[key] for key in deepest.parents] == [float(stage) for stage in range(1, 14)]


def test_lineage_leads_from_a_program_back_to_its_observations() -> None:
    expert = thinker(2)
    out, _ = search(expert, "plansearch(keep=2)")
    assert lineage_is_sound(out, [expert])
    assert Counter(map(tuple, lines(out))) == {
        tuple(ORIGINAL): 1, tuple(REVISED): 1,
        (*CHAIN, *ORIGINAL): 3, (*CHAIN, *REVISED): 3,
        (*CHAIN, *CHAIN, *ORIGINAL): 12, (*CHAIN, *CHAIN, *REVISED): 12,
    }  # fmt: skip
    assert len({scored.candidate.parents for scored in out.candidates}) == 32


def test_each_reply_of_a_line_was_asked_for_with_the_text_of_the_one_before() -> None:
    expert = thinker(2)
    out, _ = search(expert, "plansearch(keep=2)")
    asked = {request.key.hex(): request for request in expert.requests}
    line = max(out.candidates, key=lambda scored: len(scored.candidate.parents)).candidate.parents
    for before, after in pairwise(line):
        text = "\n".join(message.text for message in asked[after].messages)
        said = mark_of(asked[before])
        assert said in text, f"{asked[after].labels.purpose} after {asked[before].labels.purpose}"


# -- who is asked -------------------------------------------------------------------------


async def test_several_experts_are_dealt_to_and_a_branch_stays_with_its_own() -> None:
    pool = [thinker(2) for _ in range(3)]
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(TASK, experts=values, strategy="plansearch(keep=2)")
    assert len(out.candidates) == 32
    assert sum(len(expert.requests) for expert in pool) == 132
    # Four sets are planned and four observed from, in turn; the first conversation is the first expert's.
    assert [counts(expert)["observe"] for expert in pool] == [1 + 1, 2, 1]
    owner = {request.key.hex(): i for i, expert in enumerate(pool) for request in expert.requests}
    for scored in out.candidates:
        after = [owner[key] for key in scored.candidate.parents[4:]]
        assert len(set(after)) == 1


async def test_roles_for_ideas_and_for_code() -> None:
    first, idea, code = thinker(2), thinker(2), thinker(2)
    roles: dict[str, str | Expert] = {"idea": wide(idea, "idea"), "code": wide(code, "code")}
    await asolve(TASK, experts=[wide(first)], roles=roles, strategy="plansearch(keep=2)")
    assert not first.requests
    assert set(counts(idea)) == {*CHAIN, "plan", "criticise", "fix"}
    assert set(counts(code)) == {"pseudocode", "answer"}
